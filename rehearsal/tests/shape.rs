//! The repository's own shape, as far as it concerns the build.

use stand_ins::folders;
use std::collections::BTreeMap;

/// A package of `Cargo.lock`: its version and what it depends on, each as the file names it.
struct Package {
    version: String,
    dependencies: Vec<String>,
}

/// The packages of `Cargo.lock`, by name.
fn locked() -> BTreeMap<String, Vec<Package>> {
    let text =
        std::fs::read_to_string(folders::workspace().expect("a checkout").join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Value = toml::from_str(&text).expect("a lock file");
    let mut packages: BTreeMap<String, Vec<Package>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let text = |value: &toml::Value| value.as_str().expect("text").to_owned();
        let dependencies = package.get("dependencies").and_then(toml::Value::as_array);
        let dependencies = dependencies.map(|names| names.iter().map(text).collect()).unwrap_or_default();
        let package_of = Package { version: text(&package["version"]), dependencies };
        packages.entry(text(&package["name"])).or_default().push(package_of);
    }
    packages
}

/// Which packages depend on this version of a package, of which there are several.
fn dependents<'a>(locked: &'a BTreeMap<String, Vec<Package>>, name: &str, version: &str) -> Vec<&'a str> {
    let named = format!("{name} {version}");
    let needs = |package: &Package| package.dependencies.contains(&named);
    locked.iter().filter(|(_, packages)| packages.iter().any(needs)).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn there_is_one_http_stack_and_one_tls_backend() {
    let locked = locked();
    for name in ["hyper", "h2", "http", "rustls", "hyper-rustls", "tokio-rustls", "ring"] {
        let mut versions: Vec<&str> = locked[name].iter().map(|package| package.version.as_str()).collect();
        if name == "http" {
            // The SDK's own types convert from and to those of http 0.2; no client or server comes with them.
            versions.retain(|version| {
                let types = version.starts_with("0.2.");
                let only = ["aws-smithy-types", "http-body"];
                !(types && dependents(&locked, name, version) == only)
            });
        }
        assert_eq!(versions.len(), 1, "{name}: {versions:?}; `cargo tree --invert {name}` shows who brings another");
    }
    for body in locked["http-body"].iter().filter(|body| body.version.starts_with("0.")) {
        let brings = dependents(&locked, "http-body", &body.version);
        assert_eq!(brings, ["aws-smithy-types"], "http-body {} is part of a second HTTP stack", body.version);
    }
    for name in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"] {
        assert!(
            !locked.contains_key(name),
            "{name} is a second TLS backend: `cargo tree --invert {name}` shows who brings it"
        );
    }
}

#[test]
fn alarms_and_promotions_look_where_the_functions_count() {
    let workspace = folders::workspace().expect("a checkout");
    let read = |path: &str| std::fs::read_to_string(workspace.join(path)).expect(path);
    let delivered: toml::Value = toml::from_str(&read("lockgate.toml")).expect("lockgate.toml");
    for (name, function) in delivered["function"].as_table().expect("functions") {
        assert_eq!(function["metrics"].as_str(), Some(call_model::metrics::NAMESPACE), "{name} in lockgate.toml");
    }
    let alarms = read("terraform/modules/function/alarms.tf");
    let namespace = format!("namespace = \"{}\"", call_model::metrics::NAMESPACE);
    assert!(alarms.contains(&namespace), "terraform/modules/function/alarms.tf does not say {namespace}");
}
