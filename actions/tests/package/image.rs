//! An image's files are all that its program needs: it runs in a chroot of them, as the image says.

use std::{
    env,
    fs::{self, OpenOptions, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::read::GzDecoder;
use nix::unistd::geteuid;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    fixture,
    stand_ins::{Authority, NAME, name_server},
};

const IMAGE: &str = "LOCKGATE_TEST_IMAGE";
const SELF: &str = "image::a_program_in_an_image_resolves_names_and_trusts_the_bundle_alone";

/// SHA-256 fingerprints of Amazon Root CA 1 to 4 as published at <https://www.amazontrust.com/repository/>.
const AMAZON: [&str; 4] = [
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
];

/// Runs twice: first it makes the image and starts itself again in a network of its own, where port 53 is free and
/// nothing else answers; there it does what its name says.
#[test]
fn a_program_in_an_image_resolves_names_and_trusts_the_bundle_alone() {
    let Some(image) = env::var_os(IMAGE).map(PathBuf::from) else {
        return in_own_network();
    };
    let chroot = Chroot::unpack(&image);
    let bundle = fs::read(chroot.bundle()).expect("the bundle is where the program is told");
    let roots = CertificateDer::pem_slice_iter(&bundle).map(|root| hex::encode(Sha256::digest(root.expect("PEM"))));
    let roots: Vec<_> = roots.collect();
    assert!(AMAZON.iter().all(|print| roots.iter().any(|root| root == print)), "Amazon's roots are missing");

    name_server();
    let (authority, stranger) = (Authority::new("Authority"), Authority::new("Stranger"));
    let (port, strange_port) = (authority.serve(), stranger.serve());
    chroot.refused(&format!("https://{NAME}:{port}/"), "UnknownIssuer");
    let mut bundle = OpenOptions::new().append(true).open(chroot.bundle()).expect("an own file");
    bundle.write_all(authority.pem.as_bytes()).expect("an own file");
    assert_eq!(chroot.get(&format!("https://{NAME}:{port}/")).expect("an answer"), "200\n");
    chroot.refused(&format!("https://{NAME}:{strange_port}/"), "UnknownIssuer");
    chroot.refused(&format!("https://absent.test:{port}/"), "failed to lookup address");
}

fn in_own_network() {
    let place = tempfile::tempdir().expect("a folder");
    fixture::copy_to(place.path());
    // Kept between runs: the SDK's TLS takes a minute to build.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tls-check");
    let settings = [("CARGO_TARGET_DIR", target.to_str().expect("a UTF-8 path"))];
    let (packages, report) = fixture::package(place.path(), "tls-check", &settings);
    let image = packages.join(report["functions"]["tls-check"]["path"].as_str().expect("a path"));

    let user = if geteuid().is_root() { &[][..] } else { &["--user", "--map-root-user"] };
    let output = Command::new("unshare")
        .args(user)
        .args(["--net", "--", "sh", "-c", r#"ip link set lo up && exec "$0" "$@""#])
        .arg(env::current_exe().expect("this program"))
        .args(["--exact", SELF, "--nocapture"])
        .env(IMAGE, image)
        .output()
        .expect("this test needs `unshare` (util-linux)");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "this test needs a network namespace and chroot (as root, or as a user who may make namespaces: \
         kernel.apparmor_restrict_unprivileged_userns=0), `ip` (iproute2) and `chroot` (coreutils); it said: {said}"
    );
}

/// The files of an image and `resolv.conf`, and how the image says to run it.
struct Chroot {
    folder: tempfile::TempDir,
    config: Value,
}

impl Chroot {
    fn unpack(layout: &Path) -> Self {
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
            fs::read(layout.join("blobs/sha256").join(digest.expect("a digest"))).expect("a blob")
        };
        let index = fs::read(layout.join("index.json")).expect("an index");
        let json = |bytes: &[u8]| -> Value { serde_json::from_slice(bytes).expect("JSON") };
        let manifest = json(&blob(&json(&index)["manifests"][0]));
        let folder = tempfile::tempdir().expect("a folder");
        for layer in manifest["layers"].as_array().expect("layers") {
            let layer = blob(layer);
            let mut archive = tar::Archive::new(GzDecoder::new(&layer[..]));
            archive.set_preserve_permissions(true);
            archive.unpack(folder.path()).expect("a layer that can be unpacked");
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("an own folder");
        fs::write(folder.path().join("etc/resolv.conf"), "nameserver 127.0.0.1\n").expect("an own folder");
        Self { folder, config: json(&blob(&manifest["config"]))["config"].clone() }
    }

    fn bundle(&self) -> PathBuf {
        let settings = self.config["Env"].as_array().expect("an environment").iter().filter_map(Value::as_str);
        let file = settings.filter_map(|setting| setting.strip_prefix("SSL_CERT_FILE=/")).next();
        self.folder.path().join(file.expect("SSL_CERT_FILE"))
    }

    /// What the program printed about `url`, or why it failed.
    fn get(&self, url: &str) -> Result<String, String> {
        let texts = |key: &str| -> Vec<&str> {
            self.config[key].as_array().expect("a list").iter().map(|text| text.as_str().expect("text")).collect()
        };
        let settings = texts("Env").into_iter().map(|setting| setting.split_once('=').expect("NAME=VALUE"));
        let mut chroot = Command::new(on_path("chroot"));
        if may_switch_user() {
            chroot.arg(format!("--userspec={}", self.config["User"].as_str().expect("a user")));
        }
        chroot.arg(self.folder.path()).args(texts("Entrypoint")).arg(url).env_clear().envs(settings);
        let output = chroot.output().expect("chroot can be started");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    fn refused(&self, url: &str, reason: &str) {
        let said = self.get(url).expect_err("this must fail");
        assert!(said.contains(reason), "{url} failed for another reason than {reason}: {said}");
    }
}

/// The program's place: with the image's `PATH` set, it would be looked for there.
fn on_path(program: &str) -> PathBuf {
    let path = env::var_os("PATH").expect("a PATH");
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file()).expect("coreutils on PATH")
}

/// A user who made the namespace is its only one, called root; with more, the program runs as the image's user.
fn may_switch_user() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").expect("procfs");
    map.split_whitespace().nth(2).and_then(|users| users.parse::<u64>().ok()).is_some_and(|users| users > 65532)
}
