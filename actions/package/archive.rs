//! A ZIP for Lambda's runtime `provided.al2023`: one executable called `bootstrap`
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>).

use std::io::{Cursor, Write};

use anyhow::{Context, Result};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// The name under which `provided.al2023` looks for the program; images use it too.
pub(crate) const BOOTSTRAP: &str = "bootstrap";

/// Packs `binary`, with the oldest time that the format knows instead of the clock's.
pub(crate) fn zip(binary: &[u8]) -> Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o755);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let packed = writer.start_file(BOOTSTRAP, options).map(|()| writer.write_all(binary));
    packed.context("the ZIP could not be started")?.context("the ZIP could not be packed")?;
    Ok(writer.finish().context("the ZIP could not be finished")?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn holds_one_executable_from_1980() {
        let bytes = zip(b"\x7fELF program").expect("a small ZIP");
        let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a readable ZIP");
        assert_eq!(archive.len(), 1);
        let mut entry = archive.by_index(0).expect("the one entry");
        assert_eq!(entry.name().expect("a name"), "bootstrap");
        assert_eq!(entry.unix_mode(), Some(0o100_755));
        assert_eq!(entry.compression(), CompressionMethod::Deflated);
        assert_eq!(entry.last_modified().map(|time| time.to_string()).as_deref(), Some("1980-01-01 00:00:00"));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("intact content");
        assert_eq!(content, b"\x7fELF program");
    }
}
