//! Stages deeper than the kernel's overlay goes, and snapshots kept in place against unpacked ones.

use std::fmt::Write as _;

use super::digest;
use crate::e2e::Workshop;

/// The kernel stacks at most 500 lower layers.
const COPIES: usize = 520;

#[test]
fn a_stage_of_more_layers_than_an_overlay_has_just_works() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("f", "file\n");
    let mut text = "FROM busybox\n".to_string();
    for index in 0..COPIES {
        writeln!(text, "COPY f /d/{index}").unwrap();
    }
    text.push_str(
        "RUN ls /d | wc -l > /n; rm /d/7; cat /d/0 /d/519 > /two\nCOPY f /d/last\nRUN ls /d | wc -l > /m\n",
    );
    let (image, first) = shop.image_and_said(&text, &[]);
    assert_eq!(image.text("n").trim(), COPIES.to_string());
    assert_eq!(image.text("m").trim(), COPIES.to_string());
    assert_eq!(image.text("two"), "file\nfile\n");
    assert!(!image.has("d/7"));
    assert_eq!(image.layers.len(), COPIES + 4);
    let (_, again) = shop.image_and_said(&text, &[]);
    assert_eq!(digest(&again.stderr), digest(&first.stderr));
}

/// Everything that a RUN can do to a tree, then a RUN that lists all that it sees.
const CHANGES: &str = "FROM busybox\n\
    RUN mkdir -p /t/a /t/b /t/c /t/e && echo x > /t/a/f && ln /t/a/f /t/a/hard && ln -s f /t/a/sym \
     && mkfifo /t/a/fifo && mknod /t/a/null c 1 3 && chmod 4755 /t/a/f && chmod 1777 /t/b && chown 3:4 /t/c \
     && touch -d '2001-01-01 00:00:00' /t/c && dd if=/dev/zero of=/t/sparse bs=1 count=1 seek=1000000 \
     && touch -d '2035-01-01 00:00:00' /t/future && echo e > /t/e/e && mkdir -m 700 /t/closed && chown 9:9 /t/a/sym\n\
    RUN rm -rf /t/b && mkdir /t/b && echo n > /t/b/n && rm /bin/wget && mv /t/c /t/cc && chmod 600 /t/a/hard\n\
    RUN rm -rf /t/a/sym && mkdir /t/a/sym && echo y > /t/a/sym/y && rm -rf /t/e && echo file > /t/e\n\
    RUN mv /t/sparse /t/b/sparse && rmdir /t/closed && ln /t/a/f /t/b/third && touch /t/b\n";

const LIST: &str = "RUN find / -xdev ! -path '/proc*' ! -path '/sys*' ! -path '/dev*' -exec \
    stat -c '%n %F %a %u %g %s %h %Y %t %T' {} + | sort > /dev/shm/list && cp /dev/shm/list /list && \
    find /t /bin /etc -type f -exec sha256sum {} + | sort > /sums\n";

#[test]
fn a_snapshot_that_stayed_in_place_equals_the_one_unpacked_from_its_blob() {
    let Some(shop) = Workshop::new() else { return };
    let text = format!("{CHANGES}{LIST}");
    let (in_place, first) = shop.image_and_said(&text, &[]);
    let list = in_place.text("list").to_string();
    assert!(list.lines().count() > 60 && list.contains("/t/b/third"), "{list}");
    // Each number of layers unpacked, the others in place: without any, and without those of the last steps.
    let snapshots = shop.store().join("snapshots");
    std::fs::remove_dir_all(&snapshots).unwrap();
    std::fs::create_dir(&snapshots).unwrap();
    let other = format!("{CHANGES}{}", LIST.replace("RUN find", "RUN : unpacked; find"));
    let (unpacked, second) = shop.image_and_said(&other, &[]);
    assert!(second.stderr.lines().filter(|line| line.ends_with(" CACHED")).count() >= 5, "{}", second.stderr);
    assert_eq!(unpacked.text("list"), list);
    assert_eq!(unpacked.text("sums"), in_place.text("sums"));
    assert_eq!(unpacked.layers.last(), in_place.layers.last());
    let (_, again) = shop.image_and_said(&text, &["--no-cache"]);
    assert_eq!(digest(&again.stderr), digest(&first.stderr));
}
