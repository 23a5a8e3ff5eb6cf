//! The repository's own shape, as far as it concerns the build.

use stand_ins::folders;
use std::collections::BTreeMap;

/// The packages of `Cargo.lock`, each with its versions.
fn locked() -> BTreeMap<String, Vec<String>> {
    let text =
        std::fs::read_to_string(folders::workspace().expect("a checkout").join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Value = toml::from_str(&text).expect("a lock file");
    let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let field = |name: &str| package[name].as_str().expect("text").to_owned();
        packages.entry(field("name")).or_default().push(field("version"));
    }
    packages
}

#[test]
fn there_is_one_http_stack_and_one_tls_backend() {
    let locked = locked();
    for name in ["hyper", "h2", "http", "rustls", "hyper-rustls", "tokio-rustls", "ring"] {
        let versions = locked.get(name).map_or(&[][..], Vec::as_slice);
        assert_eq!(versions.len(), 1, "{name}: {versions:?}; `cargo tree --invert {name}` shows who brings another");
    }
    for name in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"] {
        assert!(
            !locked.contains_key(name),
            "{name} is a second TLS backend: `cargo tree --invert {name}` shows who brings it"
        );
    }
}
