//! What a Dockerfile gets only when the command line lets it.

use crate::e2e::Workshop;

#[test]
fn an_insecure_run_has_all_capabilities_and_needs_its_entitlement() {
    let Some(shop) = Workshop::new() else { return };
    let file = "FROM busybox\nRUN --security=insecure grep CapEff /proc/self/status > /insecure\n\
                RUN grep CapEff /proc/self/status > /sandbox\n";
    shop.build(file, &[])
        .fails(&["security mode insecure needs the entitlement", "--allow security.insecure"]);
    let image = shop.image(file, &["--allow", "security.insecure"]);
    let caps =
        |path: &str| u64::from_str_radix(image.text(path).trim().rsplit('\t').next().expect("hex"), 16);
    let (insecure, sandbox) = (caps("insecure").expect("hex"), caps("sandbox").expect("hex"));
    assert_eq!(sandbox, 0xa804_25fb, "Docker's");
    assert!(insecure & sandbox == sandbox && insecure & (1 << 21) != 0, "{insecure:x} has no SYS_ADMIN");
}

#[test]
fn the_hosts_network_by_name_needs_its_entitlement() {
    let Some(shop) = Workshop::new() else { return };
    let file = "FROM busybox\nRUN --network=host true\n";
    shop.build(file, &[]).fails(&["network mode host needs the entitlement", "--allow network.host"]);
    shop.build(file, &["--allow", "network.host"]).ok();
    shop.build(file, &["--network", "host"]).ok();
    shop.build("FROM busybox\nRUN true\n", &[]).ok();
    shop.build(file, &["--allow", "everything"]).fails(&["--allow everything"]);
}
