//! The repository's own shape: what has to be the same in two files that cannot see each other.

use stand_ins::folders;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

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

/// A file of the repository.
fn text(path: &str) -> String {
    std::fs::read_to_string(folders::workspace().expect("a checkout").join(path)).expect(path)
}

#[test]
fn every_function_has_a_crate_and_a_terraform_file_and_the_reverse() {
    let root = folders::workspace().expect("a checkout");
    let delivered: BTreeSet<String> = delivered().into_iter().map(|(name, _)| name).collect();
    let with = |folder: &str, file: &dyn Fn(&str) -> Option<String>| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root.join(folder)).expect(folder);
        entries.filter_map(|entry| file(&entry.expect("an entry").file_name().to_string_lossy())).collect()
    };
    let crates =
        with("lambdas", &|name| root.join("lambdas").join(name).join("src/main.rs").is_file().then(|| name.to_owned()));
    assert_eq!(
        crates, delivered,
        "lambdas/*/src/main.rs (left) and lockgate.toml: add what is missing, or delete the other"
    );
    let with_functions = with("terraform/modules/service", &|name| {
        let text = name.ends_with(".tf").then(|| text(&format!("terraform/modules/service/{name}")))?;
        let functions: Vec<&str> = text
            .split("\nmodule \"")
            .filter_map(|block| block.split_once("\" {\n  source = \"../function\"").map(|(stem, _)| stem))
            .collect();
        (!functions.is_empty()).then(|| format!("{name} {}", functions.join(" ")))
    });
    let expected = delivered.iter().map(|stem| format!("{stem}.tf {stem}")).collect();
    assert_eq!(
        with_functions, expected,
        "each file of terraform/modules/service with a module ../function, and the module's name (left): give every \
         function of lockgate.toml one of its own name (right)"
    );
}

/// The functions of `lockgate.toml`, by their names.
fn delivered() -> toml::Table {
    let delivered: toml::Table = toml::from_str(&text("lockgate.toml")).expect("lockgate.toml");
    delivered["function"].as_table().expect("functions").clone()
}

#[test]
fn alarms_and_promotions_look_where_the_functions_count() {
    for (name, function) in delivered() {
        assert_eq!(
            function["metrics"].as_str(),
            Some(call_model::metrics::NAMESPACE),
            "correct `metrics` of {name} in lockgate.toml"
        );
    }
    let namespace = format!("namespace = \"{}\"", call_model::metrics::NAMESPACE);
    let alarms = "terraform/modules/function/alarms.tf";
    assert!(text(alarms).contains(&namespace), "{alarms} has to look there: write {namespace}");
}

#[test]
fn functions_are_given_the_variables_that_they_read() {
    // Lambda sets the first; `query` outside Lambda reads the others.
    let elsewhere = ["AWS_LAMBDA_", "LISTEN", "JWT_"];
    for (name, _) in delivered() {
        let config = text(&format!("lambdas/{name}/src/config.rs"));
        let code = config.split("#[cfg(test)]").next().unwrap_or_default();
        let is_name =
            |quoted: &&str| quoted.len() > 2 && quoted.bytes().all(|it| it.is_ascii_uppercase() || it == b'_');
        let quoted = code.split('"').skip(1).step_by(2).filter(is_name);
        let read: BTreeSet<&str> = quoted.filter(|name| !elsewhere.iter().any(|it| name.starts_with(it))).collect();
        let terraform = text(&format!("terraform/modules/service/{name}.tf"));
        let block = terraform.split("\n  environment = {\n").nth(1).and_then(|rest| rest.split("\n  }\n").next());
        let lines = block.expect("an environment").lines();
        let given: BTreeSet<&str> = lines.filter_map(|line| Some(line.split_once('=')?.0.trim())).collect();
        assert_eq!(
            read, given,
            "{name}'s config.rs reads (left) other variables than its Terraform file gives (right)"
        );
        assert!(!read.is_empty(), "{name} reads nothing: its config.rs names its variables in quotes");
        for file in sources(&format!("lambdas/{name}/src")) {
            let elsewhere = text(&file).contains("env::var");
            assert!(
                !elsewhere || file.ends_with("/config.rs") || file.ends_with("/main.rs"),
                "{file} reads the environment: do that in config.rs, which is compared with Terraform"
            );
        }
    }
}

/// The Rust files below a folder.
fn sources(folder: &str) -> Vec<String> {
    let root = folders::workspace().expect("a checkout");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).expect(folder) {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(sources(&path));
        } else if path.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_rollback_reaches_what_is_delivered() {
    let github = text("terraform/bootstrap/github.tf");
    let stems = github.lines().find_map(|line| line.trim().strip_prefix("stems = [")?.strip_suffix(']'));
    let stems: BTreeSet<&str> = stems.expect("stems").split(", ").map(|stem| stem.trim_matches('"')).collect();
    let delivered = delivered();
    assert_eq!(
        stems,
        delivered.keys().map(String::as_str).collect(),
        "terraform/bootstrap/github.tf (left) has to name the functions of lockgate.toml (right) in `stems`"
    );
}

/// What lies below the SDK in a function: packages with their versions and features.
fn below_the_sdk(function: &str) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--package", function, "--edges", "normal", "--target", "x86_64-unknown-linux-gnu"]);
    tree.args(["--prefix", "depth", "--no-dedupe", "--format", " {p} {f}"]);
    let out = tree.current_dir(folders::workspace().expect("a checkout")).output().expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let shared = ["aws-config", "aws-sdk-dynamodb", "aws-smithy-http-client"];
    let (mut below, mut sdk) = (BTreeSet::new(), None);
    for line in String::from_utf8(out.stdout).expect("text").lines() {
        let (depth, package) = line.split_once(' ').expect("a depth and a package");
        let depth: u32 = depth.parse().expect("a number");
        if sdk.is_some_and(|sdk| depth > sdk) {
            below.insert(package.to_owned());
        } else {
            sdk = shared.iter().any(|root| package.split(' ').next() == Some(root)).then_some(depth);
        }
    }
    below
}

#[test]
fn the_sdk_is_compiled_once_for_all_functions() {
    let mut functions = delivered().into_iter().map(|(name, _)| (below_the_sdk(&name), name));
    let (first, of) = functions.next().expect("functions");
    assert!(first.iter().any(|package| package.starts_with("aws-runtime ")), "{first:?}");
    for (below, name) in functions {
        let differ: Vec<_> = below.symmetric_difference(&first).collect();
        assert!(differ.is_empty(), "{name} and {of} differ: add the features to lambdas/stack/Cargo.toml: {differ:#?}");
    }
}
