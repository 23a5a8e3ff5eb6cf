//! `lockgate package`: every function of `lockgate.toml` as the bytes that are delivered, and `packages.json` beside
//! them. The bytes depend on the tree and the toolchain alone; nothing here knows a commit, a date or a run.

mod archive;
mod cargo;
mod certificates;
pub(crate) mod image;
pub(crate) mod layout;
mod report;
mod toolchain;

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result};

use self::cargo::Workspace;
pub use self::report::{FILE, Package, Packages};
pub use self::toolchain::Toolchain;
use crate::{
    delivery::{Delivery, Function, Kind},
    failure::{Blame, Failure},
    runner,
};

/// What to package, and where to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the packages and packages.json; made if missing
    #[arg(long, env = "INPUT_OUT", value_name = "DIR")]
    out: PathBuf,

    /// Package only this function; may be repeated, or hold several with commas between
    #[arg(long = "function", env = "INPUT_FUNCTION", value_name = "NAME", value_delimiter = ',')]
    functions: Vec<String>,
}

/// Builds and packages the functions, writes `packages.json`, prints a table and sets two outputs per function:
/// `<name>_path` (within the folder) and `<name>_digest` (a ZIP's SHA-256 in hex, an image's manifest digest), and
/// `packages` with all of `packages.json`.
///
/// # Errors
/// [`Failure::Usage`] for a wrong `lockgate.toml`, an unknown function, a missing toolchain or a folder that cannot be
/// written; [`Failure::World`] for crates that cannot be fetched; [`Failure::Gate`] for code that does not build and
/// for an image that Lambda would refuse.
pub fn run(args: &Args) -> Result<(), Failure> {
    let root = env::current_dir().context("the current folder cannot be read").usage()?;
    let delivery = Delivery::read(&root).usage()?;
    // An input that a workflow leaves out arrives as an empty variable.
    let names: Vec<_> = args.functions.iter().map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    let selected = delivery.select(&names).usage()?;
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{} cannot be made; --out needs a folder that can be written", args.out.display()))
        .usage()?;

    let _group = runner::group("lockgate package (actions/package/mod.rs)");
    let toolchain = Toolchain::probe(&root).usage()?;
    cargo::fetch(&root).world()?;
    let workspace = Workspace::load(&root, &toolchain).usage()?;
    let mut packages = Packages::new(toolchain);
    for (name, function) in selected {
        runner::say(format_args!("{name}: building the cargo package `{}`", function.cargo));
        let binary = workspace.build(&function.cargo).gate()?;
        packages.functions.insert(name.to_owned(), args.write(name, function, &binary)?);
    }
    packages.write(&args.out).usage()?;
    runner::say(&packages);
    packages.outputs().usage()
}

impl Args {
    fn write(&self, name: &str, function: &Function, binary: &[u8]) -> Result<Package, Failure> {
        match function.package {
            Kind::Zip => {
                let bytes = archive::zip(binary).usage()?;
                let path = format!("{name}.zip");
                report::replace(&self.out.join(&path), &bytes).usage()?;
                Ok(Package::zip(path, &bytes))
            }
            Kind::Image => {
                let image = image::Image::new(name, "amd64", binary).usage()?;
                let folder = self.out.join(name);
                layout::write(&image, &folder).usage()?;
                let digest = layout::verify(&folder).gate()?;
                Ok(Package::Image { path: name.to_owned(), digest, size: image.size() })
            }
        }
    }
}
