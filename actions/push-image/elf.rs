//! What a program file says of itself: <https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>.

use anyhow::{Context, Result, bail, ensure};

/// A program header that names a loader.
const INTERPRETER: u32 = 3;

/// The architecture that `program` is for, `amd64` or `arm64`.
///
/// # Errors
/// For what an image FROM scratch cannot run: no Linux program, another architecture, one that needs a loader.
pub(super) fn architecture(program: &[u8]) -> Result<&'static str> {
    let elf = program.starts_with(b"\x7fELF\x02\x01");
    ensure!(elf, "it is no 64-bit Linux program; build it for Linux, for example by `lockgate package`");
    let machine = u16::from_le_bytes(field(program, 18)?);
    let headers = usize::try_from(u64::from_le_bytes(field(program, 32)?)).unwrap_or(usize::MAX);
    let (size, count) = (u16::from_le_bytes(field(program, 54)?), u16::from_le_bytes(field(program, 56)?));
    for place in 0..usize::from(count) {
        let header = headers.saturating_add(place * usize::from(size));
        ensure!(
            u32::from_le_bytes(field(program, header)?) != INTERPRETER,
            "it needs a loader and libraries, which an image FROM scratch has not; link it statically: \
             `RUSTFLAGS=-Ctarget-feature=+crt-static cargo build --target x86_64-unknown-linux-gnu`"
        );
    }
    match machine {
        62 => Ok("amd64"),
        183 => Ok("arm64"),
        other => bail!("it is for machine {other} of ELF's list; Lambda has x86_64 (62) and arm64 (183)"),
    }
}

fn field<const N: usize>(program: &[u8], at: usize) -> Result<[u8; N]> {
    let bytes = at.checked_add(N).and_then(|end| program.get(at..end)).and_then(|bytes| bytes.try_into().ok());
    bytes.context("it is cut short; build it again")
}

/// A program of no use, for tests: this machine, and one header of this kind.
#[cfg(test)]
pub(super) fn program(machine: u16, header: u32) -> Vec<u8> {
    let mut program = vec![0; 120];
    program[..6].copy_from_slice(b"\x7fELF\x02\x01");
    program[18..20].copy_from_slice(&machine.to_le_bytes());
    program[32] = 64;
    program[54] = 56;
    program[56] = 1;
    program[64..68].copy_from_slice(&header.to_le_bytes());
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trap 16: Lambda takes an image for the wrong architecture and fails when it starts.
    #[test]
    fn a_program_that_could_not_start_makes_no_image() {
        assert_eq!(architecture(&program(62, 1)).expect("a good program"), "amd64");
        assert_eq!(architecture(&program(183, 1)).expect("a good program"), "arm64");
        for (bytes, reason) in [
            (program(62, INTERPRETER), "link it statically"),
            (program(40, 1), "machine 40"),
            (b"#!/bin/sh\n".to_vec(), "no 64-bit Linux program"),
            (program(62, 1)[..66].to_vec(), "cut short"),
        ] {
            let said = architecture(&bytes).expect_err("this does not start").to_string();
            assert!(said.contains(reason), "expected {reason:?} in: {said}");
        }
    }
}
