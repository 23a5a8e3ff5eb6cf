//! Makes the released program smaller where the linker is LLVM's, as Rust's own choice is on this target: functions of equal
//! code are one (`--icf`), and what taking a role runs lies together (`startup.ld`), so that less of the program is in memory.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=startup.ld");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("TARGET", "x86_64-unknown-linux-gnu") && is("PROFILE", "release") {
        let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{folder}/startup.ld");
    }
}
