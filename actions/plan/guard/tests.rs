use std::fs;

use super::*;

fn judged(files: &[(&str, &str)]) -> Result<()> {
    let base = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = base.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    check(base.path(), &base.path().join("root"), &["hashicorp/aws".to_owned()])
}

fn refusal(files: &[(&str, &str)]) -> String {
    format!("{:#}", judged(files).expect_err("it should be refused"))
}

#[test]
fn this_repositorys_own_roots_are_allowed() {
    let base = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo")).join("..");
    for root in ["bootstrap", "environments/staging", "environments/production"] {
        check(&base, &base.join("terraform").join(root), &["hashicorp/aws".to_owned()]).expect(root);
    }
}

#[test]
fn plan_trap_30_what_would_run_is_refused_wherever_it_hides() {
    let aws = "resource \"aws_s3_bucket\" \"b\" {}\nresource \"terraform_data\" \"t\" {}\n";
    judged(&[("root/main.tf", aws)]).expect("only what is allowed");
    for (files, told) in [
        (vec![("root/x.tf", "data \"external\" \"x\" { program = [\"sh\"] }")], "hashicorp/external (external.x"),
        (vec![("root/x.tf", "terraform { required_providers { aws = { source = \"evil/aws\" } } }")], "evil/aws"),
        (vec![("root/x.tf", "provider \"http\" {}")], "hashicorp/http (provider http"),
        (vec![("root/x.tf", "resource \"aws_x\" \"y\" { provider = shell.a }")], "hashicorp/shell"),
        (vec![("root/x.tf", "check \"c\" {\n data \"http\" \"h\" {}\n}")], "hashicorp/http"),
        (vec![("root/x.tf.json", r#"{"data": [{"external": {"x": {"program": ["sh"]}}}]}"#)], "hashicorp/external"),
        (vec![("root/x.tf", "module \"m\" { source = \"../m\" }"), ("m/x.tf", "data \"http\" \"h\" {}")], "in m"),
        (vec![("root/x.tf", "module \"m\" { source = \"git::https://x/y\" }")], "module git::https://x/y"),
        (vec![("root/a_override.tf", "provider \"local\" {}")], "hashicorp/local"),
        (
            vec![
                ("root/a_override.tf", "terraform { required_providers { aws = { source = \"evil/aws\" } } }"),
                ("root/main.tf", "terraform { required_providers { aws = { source = \"hashicorp/aws\" } } }"),
            ],
            "evil/aws",
        ),
        (
            vec![
                ("root/a_override.tf", "module \"m\" { source = \"git::https://x/y\" }"),
                ("root/main.tf", "module \"m\" { source = \"../m\" }"),
                ("m/x.tf", ""),
            ],
            "module git::https://x/y",
        ),
        (vec![("root/x.tf", "resource \"random_id\" \"y\" {}")], "hashicorp/random"),
        (
            vec![
                ("root/main.tf", "module \"m\" { source = \"../m\" }"),
                (
                    "root/x_override.tf.json",
                    r#"{"module": {"m": [{"source": "../m"}, {"source": "git::https://x/y"}]}}"#,
                ),
                ("m/x.tf", ""),
            ],
            "module git::https://x/y",
        ),
        (vec![("root/x.tf", "import {\n to = random_id.y\n id = \"1\"\n}")], "hashicorp/random"),
        (vec![("root/x.tf", "import {\n to = aws_x.y\n id = \"1\"\n provider = http\n}")], "hashicorp/http"),
        (vec![("root/x.tf.json", r#"{"import": [{"to": "random_id.y", "id": "1"}]}"#)], "hashicorp/random"),
        (vec![("root/tests/a.tftest.hcl", "provider \"http\" {}")], "hashicorp/http"),
        (
            vec![
                ("root/a.tftest.hcl", "run \"r\" {\n module {\n source = \"./helper\"\n }\n}"),
                ("root/helper/x.tf", "data \"http\" \"h\" {}"),
            ],
            "in root/helper",
        ),
    ] {
        let said = refusal(&files);
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn plan_trap_30_what_runs_later_or_brings_credentials_is_refused() {
    let aws = "provider \"aws\" {";
    for (text, told) in [
        (
            "resource \"aws_x\" \"y\" {\n provisioner \"local-exec\" {}\n}".to_owned(),
            "provisioner.local-exec (in root)",
        ),
        ("removed {\n from = aws_x.y\n provisioner \"local-exec\" {}\n}".to_owned(), "provisioner.local-exec"),
        (format!("{aws} profile = \"p\" }}"), "aws.profile"),
        (format!("{aws} shared_config_files = [\"./c\"] }}"), "aws.shared_config_files"),
        (format!("{aws}\n assume_role_with_web_identity {{}}\n}}"), "aws.assume_role_with_web_identity"),
        (format!("{aws}\n dynamic \"assume_role_with_web_identity\" {{}}\n}}"), "aws.assume_role_with_web_identity"),
        ("terraform {\n backend \"s3\" { profile = \"p\" }\n}".to_owned(), "s3.profile"),
        ("terraform {\n backend \"kubernetes\" {}\n}".to_owned(), "backend.kubernetes"),
        ("terraform {\n cloud {}\n}".to_owned(), "terraform.cloud"),
        ("data \"terraform_remote_state\" \"x\" { backend = \"kubernetes\" }".to_owned(), "terraform_remote_state"),
    ] {
        let said = refusal(&[("root/x.tf", &text)]);
        assert!(said.contains(told), "{told}: {said}");
    }
    for (text, told) in [
        (r#"{"resource": {"aws_x": {"y": {"provisioner": [{"local-exec": {}}]}}}}"#, "provisioner.local-exec"),
        (r#"{"removed": [{"provisioner": {"local-exec": {}}}]}"#, "provisioner.local-exec"),
        (r#"{"provider": {"aws": [{"profile": "p"}]}}"#, "aws.profile"),
        (r#"{"provider": {"aws": {"dynamic": {"assume_role_with_web_identity": {}}}}}"#, "aws.assume_role_with_web"),
        (r#"{"terraform": {"backend": {"http": {}}}}"#, "backend.http"),
        (r#"{"terraform": [{"cloud": {}}]}"#, "terraform.cloud"),
        (r#"{"data": {"terraform_remote_state": {"x": {"backend": "http"}}}}"#, "terraform_remote_state"),
        (r#"{"terraform": {"backend": {"s3": {"shared_config_files": []}}}}"#, "s3.shared_config_files"),
    ] {
        let said = refusal(&[("root/x.tf.json", text)]);
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn plan_trap_30_programs_in_the_root_are_refused() {
    let said = refusal(&[("root/main.tf", ""), ("root/terraform.d/plugins/x", "")]);
    assert!(said.contains("terraform.d"), "{said}");
}

/// `root/link/../m` is `root/m` to Terraform, whatever the link leads to.
#[test]
fn plan_trap_30_a_link_on_the_way_to_a_module_hides_nothing() {
    let base = tempfile::tempdir().expect("a folder");
    let at = |name: &str| base.path().join(name);
    for folder in ["root/m", "deep/er", "deep/m"] {
        fs::create_dir_all(at(folder)).expect("a folder");
    }
    std::os::unix::fs::symlink("../deep/er", at("root/link")).expect("a link");
    fs::write(at("root/x.tf"), "module \"m\" { source = \"./link/../m\" }").expect("a file");
    fs::write(at("root/m/x.tf"), "data \"http\" \"h\" {}").expect("a file");
    let said = check(base.path(), &at("root"), &["hashicorp/aws".to_owned()]).expect_err("it should be refused");
    assert!(said.to_string().contains("hashicorp/http"), "{said:#}");
}

#[test]
fn what_cannot_be_judged_is_refused() {
    for files in [
        [("root/x.tf", "module \"m\" { source = var.x }")],
        [("root/x.tf", "resource \"a\" {")],
        [("root/x.tf", "terraform { required_providers { aws = { source = var.x } } }")],
        [("root/x.tf", "module \"m\" { source = \"../../outside\" }")],
        [(
            "root/x.tf",
            "terraform { required_providers { aws = { source = \"hashicorp/aws\", \"source\" = \"a/b\" } } }",
        )],
        [("root/x.tf", "terraform { required_providers { aws = { (\"source\") = \"a/b\" } } }")],
        [("root/tests/x.tftest.json", "{}")],
        [("root/x.tf.json", r#"{"module": {"m": {"source": "${x}"}}}"#)],
        [("root/x.tf.json", r#"{"data": {"external": {"x": {}}}, "data": {}}"#)],
    ] {
        assert!(judged(&files).is_err(), "{files:?}");
    }
}

/// Terraform works in the real folder: `..` of a root that is a link leads from where the link leads to.
#[test]
fn plan_trap_30_a_root_that_is_a_link_is_judged_where_it_is() {
    let base = tempfile::tempdir().expect("a folder");
    let at = |name: &str| base.path().join(name);
    for folder in ["deep/er", "deep/m", "m"] {
        fs::create_dir_all(at(folder)).expect("a folder");
    }
    std::os::unix::fs::symlink("deep/er", at("root")).expect("a link");
    fs::write(at("root/x.tf"), "module \"m\" { source = \"../m\" }").expect("a file");
    fs::write(at("deep/m/x.tf"), "data \"http\" \"h\" {}").expect("a file");
    let said = check(base.path(), &at("root"), &["hashicorp/aws".to_owned()]).expect_err("it should be refused");
    assert!(said.to_string().contains("hashicorp/http"), "{said:#}");
}
