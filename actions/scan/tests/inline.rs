//! Ignores in the code itself.

use crate::scan::inline::{ignores, new_between, new_in_diff};

#[test]
fn plan_trap_35_every_way_to_silence_a_scanner_is_seen() {
    for (path, line, what) in [
        ("a.tf", "  bucket = x #tfsec:ignore:aws-s3-enable-versioning", "tfsec:ignore"),
        ("a.tf", "# trivy:ignore:AWS-0089", "trivy:ignore"),
        ("Dockerfile", "# trivy:ignore:DS-0002", "trivy:ignore"),
        ("src/a.rs", "#[allow(clippy::unwrap_used)]", "#[allow]"),
        ("src/a.rs", "    #![allow(dead_code)]", "#[allow]"),
        ("src/a.rs", "#[ expect( dead_code, reason = \"…\") ]", "#[expect]"),
        ("src/a.rs", "#[cfg_attr(test, allow(dead_code))]", "#[allow]"),
        (".cargo/audit.toml", "ignore = [\"RUSTSEC-2020-0071\"]", "cargo-audit's list of ignores"),
        (".trivyignore", "CVE-2020-26235 exp:2027-01-01", "Trivy's list of ignores"),
        (".trivyignore.yaml", "  - id: AWS-0089", "Trivy's list of ignores"),
        ("Cargo.toml", "unwrap_used = \"allow\"", "a lint that is allowed everywhere"),
        ("clippy.toml", "too-many-lines-threshold = 900", "clippy's settings"),
        (".tfsec/config.yml", "exclude: [aws-s3-enable-versioning]", "tfsec's settings"),
    ] {
        let found = ignores(path, line);
        assert_eq!(found.iter().map(|ignore| ignore.what).collect::<Vec<_>>(), [what], "{path}: {line}");
    }
}

#[test]
fn what_only_looks_like_one_is_none() {
    for (path, line) in [
        ("src/a.rs", "let x = y.expect(\"a value\");"),
        ("src/a.rs", "// #[allow(dead_code)] was here"),
        ("src/a.rs", "list[0].allow(x)"),
        ("README.md", "#[allow(dead_code)]"),
        (".trivyignore", "# nothing yet"),
        ("Cargo.toml", "unwrap_used = \"warn\""),
    ] {
        assert_eq!(ignores(path, line), [], "{path}: {line}");
    }
}

#[test]
fn plan_trap_35_only_new_ones_count_and_moved_ones_are_not_new() {
    let old = "#[allow(dead_code)]\nfn a() {}\n";
    let found = new_between([
        ("src/a.rs", Some(old), None),
        ("src/b.rs", None, Some(old)),
        ("src/c.rs", Some(""), Some("\n#[allow(dead_code)]\n")),
    ]);
    assert_eq!(found.len(), 1);
}

#[test]
fn plan_trap_35_a_diff_says_the_same() {
    let diff = "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,2 +1,4 @@\n fn a() {}\n-#[allow(dead_code)]\n+  #[allow(dead_code)]\n++++ b/.trivyignore\n+#[expect(unused)]\n@@ -10 +11,2 @@ fn b() {\n x\n+#[allow(unused)]\n\\ No newline at end of file\n--- /dev/null\n+++ b/.trivyignore\n@@ -0,0 +1 @@\n+CVE-2020-26235\n";
    let found: Vec<_> = new_in_diff(diff).into_iter().map(|ignore| (ignore.path, ignore.line, ignore.text)).collect();
    let wanted = [
        (".trivyignore", 1, "CVE-2020-26235"),
        ("src/a.rs", 4, "#[expect(unused)]"),
        ("src/a.rs", 12, "#[allow(unused)]"),
    ];
    assert_eq!(found, wanted.map(|(path, line, text)| (path.to_owned(), line, text.to_owned())));
}
