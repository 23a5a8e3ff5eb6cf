//! zizmor, which finds what is dangerous in workflows and actions (<https://docs.zizmor.sh>).

use anyhow::{Context, Result};
use stand_ins::tools::{Tool, made_once, on_path, on_path_since, pip_install};

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "1.32.0";

/// Its wheels, as pip reads them: for x86_64 and aarch64.
const REQUIREMENTS: &str = "zizmor==1.32.0 \\
    --hash=sha256:84a6acb975accc13408786a2bd274b572537ca19c933ebbc13e78f3988562071 \\
    --hash=sha256:0cdd38fca6eb34ceb567548548d706332e3535ea66894b9168c048e03207b68c
";

/// The program `zizmor`.
///
/// # Errors
/// Says what to install where neither zizmor nor Python is on PATH, or what pip said.
pub async fn zizmor() -> Result<Tool> {
    if let Some(tool) = on_path_since("zizmor", VERSION, &["--version"]).await? {
        return Ok(tool);
    }
    let python = on_path("python3").context(
        "neither zizmor nor python3 is on PATH: apt-get install python3 python3-pip, or cargo install zizmor",
    )?;
    let folder =
        made_once(&format!("zizmor-{VERSION}"), async |folder| pip_install(&python, REQUIREMENTS, folder).await)
            .await?;
    let path = folder.join("bin/zizmor");
    Ok(Tool { name: "zizmor", version: VERSION.to_owned(), path, origin: "PyPI, by digest".to_owned() })
}
