//! RUN in its shell, exec and heredoc forms.

use super::Workshop;

#[test]
fn run_in_shell_form_is_given_to_bin_sh() {
    let Some(shop) = Workshop::new() else { return };
    let image =
        shop.image("FROM busybox\nRUN echo \"$0 $((6*7))\" > /out && ls /proc/self/exe >/dev/null\n", &[]);
    assert_eq!(image.text("out"), "/bin/sh 42\n");
    assert_eq!(image.layers.last().map(Vec::as_slice), Some(["out".to_string()].as_slice()));
}

#[test]
fn run_in_exec_form_has_no_shell() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image("FROM busybox\nRUN [\"/bin/cp\", \"/etc/group\", \"/$HOME &&\"]\n", &[]);
    assert!(image.has("$HOME &&"));
}
