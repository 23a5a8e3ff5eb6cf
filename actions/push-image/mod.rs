//! [`action.yml`](action.yml): push an image to ECR, without Docker. What Lambda would refuse is refused before a byte of
//! it goes out; nothing is sent that is there already.

mod connection;
mod elf;
mod location;
mod login;
mod plan;
mod reference;
mod registry;
mod trouble;
mod upload;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, ensure};
use futures::future::{join, try_join_all};
use http::HeaderValue;

use self::{
    connection::Pool,
    location::Origin,
    plan::{Job, Plan},
    reference::{Ecr, Repository},
    registry::Registry,
};
pub use self::{login::Login, trouble::Patience};
use crate::{
    aws,
    failure::{Blame, Failure},
    oci::{Layout, MARKER},
    package, runner,
    secret::Secret,
};

/// What to push, and where to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Repository, as Terraform's `repository_url` gives it: <host>/<name>
    #[arg(long, env = "INPUT_REPOSITORY", value_name = "URI")]
    repository: String,

    /// Tag to give the image
    #[arg(long, env = "INPUT_TAG")]
    tag: String,

    /// Folder that is an OCI image layout with one image
    #[arg(long, env = "INPUT_LAYOUT", value_name = "DIR")]
    layout: Option<PathBuf>,

    /// Statically linked Linux program, instead of a layout: it becomes the entrypoint of an image FROM scratch
    #[arg(long, env = "INPUT_BINARY", value_name = "FILE")]
    binary: Option<PathBuf>,

    /// Refuse an image for another architecture than the function's
    #[arg(long, env = "INPUT_ARCHITECTURE")]
    architecture: Option<Architecture>,

    /// Let the tag move if it names another image; without this, that is refused
    #[arg(long, env = "INPUT_MOVE_TAG", value_name = "BOOL", num_args = 0..=1, default_value = "false",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    move_tag: bool,

    /// Stop after saying what would be sent
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "BOOL", num_args = 0..=1, default_value = "false",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    dry_run: bool,
}

/// An architecture in Lambda's words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Architecture {
    /// Intel and AMD, 64 bits.
    #[value(name = "x86_64")]
    X86_64,
    /// Graviton.
    #[value(name = "arm64")]
    Arm64,
}

/// An image on disk and the name it is to have.
#[derive(Clone, Debug)]
pub struct Image {
    /// `<host>/<name>`, without `https://`, tag or digest.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The folder of its OCI image layout.
    pub layout: PathBuf,
}

/// How to push.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who pushes.
    pub login: Login,
    /// What the images must be made for, if that is known.
    pub architecture: Option<Architecture>,
    /// Whether a tag that names another image may be moved.
    pub move_tag: bool,
    /// Whether to stop before anything is changed.
    pub dry_run: bool,
    /// How long to wait for the registry.
    pub patience: Patience,
}

impl Settings {
    /// The usual settings: tags do not move, and something is done.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self { login, architecture: None, move_tag: false, dry_run: false, patience: Patience::default() }
    }
}

/// An image that is in its repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pushed {
    /// The manifest's digest, `sha256:<hex>`: what Lambda is to be told, since a tag can move.
    pub digest: String,
    /// The same with the repository before it, `<host>/<name>@sha256:<hex>`.
    pub image: String,
}

/// Pushes one image and sets the outputs `digest` and `image`.
///
/// # Errors
/// [`Failure::Usage`] for a wrong call, [`Failure::Gate`] for an image that Lambda would refuse and a tag that names
/// another image, [`Failure::World`] for what AWS or the registry does not do.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate push-image (actions/push-image/mod.rs)");
    let repository: Repository = args.repository.trim().parse().usage()?;
    let made;
    let layout = match (&args.layout, &args.binary) {
        (Some(layout), None) => layout.clone(),
        (None, Some(binary)) => {
            made = tempfile::tempdir().context("no folder for the image can be made; look at TMPDIR").usage()?;
            make(binary, &made.path().join("image"))?
        }
        _ => {
            return Err(Failure::Usage(anyhow!(
                "give either --layout or --binary: the image, or the program to make one of"
            )));
        }
    };
    let ecr = Ecr::parse(&repository.registry);
    let emulated = ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"];
    let emulated = emulated.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    // A registry that AWS has nothing to do with is not worth the search for AWS's settings.
    let login = match (ecr, emulated) {
        (Some(ecr), _) => Login::Aws(Box::new(aws::loader(Some(ecr.region)).load().await)),
        (None, true) => Login::Aws(Box::new(aws::config().await.usage()?)),
        (None, false) => Login::Anonymous,
    };
    let settings = Settings {
        architecture: args.architecture,
        move_tag: args.move_tag,
        dry_run: args.dry_run,
        ..Settings::new(login)
    };
    let image = Image { repository: args.repository.trim().to_owned(), tag: args.tag.trim().to_owned(), layout };
    for Pushed { digest, image } in push(&[image], &settings).await? {
        runner::output("digest", &digest).usage()?;
        runner::output("image", &image).usage()?;
    }
    Ok(())
}

/// Pushes the images, in one go: connections are shared, and a blob that several of them have is sent to one repository of
/// a registry and mounted in the others. Gives what was pushed, in the order of `images`; an image that is there already
/// is success. With `dry_run`, says what would be done and gives the same.
///
/// # Errors
/// As [`run`]. Manifests and configurations are judged before a registry is asked for anything; layers while it is asked
/// what it has; and nothing is sent before all images and all tags are judged.
pub async fn push(images: &[Image], settings: &Settings) -> Result<Vec<Pushed>, Failure> {
    let mut read = Vec::new();
    for image in images {
        read.push((
            image.repository.parse::<Repository>().usage()?,
            reference::tag(&image.tag).usage()?,
            image.read(settings)?,
        ));
    }
    let mut names: BTreeMap<(String, &str), &str> = BTreeMap::new();
    let mut registries: BTreeMap<String, (Origin, usize)> = BTreeMap::new();
    for (repository, tag, layout) in &read {
        let known = names.insert((repository.to_string(), tag), &layout.manifest.digest);
        let twice = known.is_some_and(|known| known != layout.manifest.digest);
        let why = || anyhow!("two different images are to be {repository}:{tag}; give each a tag of its own");
        if twice {
            return Err(Failure::Usage(why()));
        }
        let origin = Origin::registry(&repository.registry).usage()?;
        registries.entry(repository.registry.clone()).or_insert((origin, 0)).1 += layout.blobs().len().max(2);
    }

    // At once: the layers are checked, connections are opened, authorization is got, and the registry asked what it has.
    let homes = registries.values().map(|(origin, _)| origin.clone()).collect();
    let pool = Pool::new(homes, settings.patience).usage()?;
    for (origin, requests) in registries.values() {
        if !origin.tls {
            runner::say(format_args!("{origin} is on this machine, so it is spoken to without TLS"));
        }
        pool.warm(origin, *requests);
    }
    let checks = try_join_all(read.iter().map(|(_, _, layout)| check(Arc::clone(layout))));
    let jobs = async {
        let ask = async |(name, (home, _)): (String, (Origin, usize))| {
            let authorization = header(settings.login.authorization(&name).await?.as_ref()).world()?;
            let registry = Registry { pool: Arc::clone(&pool), home, authorization, patience: settings.patience };
            Ok::<_, Failure>((name, Arc::new(registry)))
        };
        let ready: BTreeMap<_, _> = try_join_all(registries.into_iter().map(ask)).await?.into_iter().collect();
        let job = |(repository, tag, layout): &(Repository, &str, Arc<Layout>)| Job {
            registry: Arc::clone(&ready[&repository.registry]),
            repository: repository.clone(),
            tag: (*tag).to_owned(),
            layout: Arc::clone(layout),
            move_tag: settings.move_tag,
        };
        let jobs: Vec<_> = read.iter().map(job).collect();
        let plan = Plan::make(jobs).await?;
        Ok::<_, Failure>(plan)
    };
    // What is wrong with an image comes before what is wrong with a registry.
    let (checked, plan) = join(checks, jobs).await;
    checked?;
    let plan = plan?;
    runner::say(plan.to_string().trim_end());
    if settings.dry_run {
        runner::say("this is a dry run: nothing was sent");
    } else {
        let sent = plan.apply().await?;
        runner::say(format_args!("{} blobs sent ({} bytes), {} mounted", sent.uploaded, sent.bytes, sent.mounted));
    }
    let pushed = |job: &Job| Pushed {
        digest: job.layout.manifest.digest.clone(),
        image: format!("{}@{}", job.repository, job.layout.manifest.digest),
    };
    Ok(plan.jobs.iter().map(pushed).collect())
}

/// The header `Authorization`, kept out of logs.
fn header(secret: Option<&Secret>) -> anyhow::Result<Option<HeaderValue>> {
    let Some(secret) = secret else { return Ok(None) };
    let mut header = HeaderValue::from_str(secret.expose()).context("the registry's token is no header")?;
    header.set_sensitive(true);
    Ok(Some(header))
}

impl Image {
    fn read(&self, settings: &Settings) -> Result<Arc<Layout>, Failure> {
        let folder = &self.layout;
        let there = || {
            ensure!(
                folder.join(MARKER.0).is_file(),
                "{} is no image layout: it has no file {}",
                folder.display(),
                MARKER.0
            );
            Ok(())
        };
        there()
            .context(
                "give --layout the folder that `lockgate package` or `docker buildx --output type=oci,tar=false` made",
            )
            .usage()?;
        let layout = Layout::read(folder).gate()?;
        let (made, wanted) = (&layout.platform.architecture, settings.architecture);
        let wanted = wanted.map(|wanted| if wanted == Architecture::Arm64 { "arm64" } else { "amd64" });
        let fits = || {
            ensure!(
                wanted.is_none_or(|wanted| wanted == made),
                "the image in {} is made for {made}, the function runs on {}; build it for the function's architecture, or \
                 change the function's `architectures`",
                folder.display(),
                wanted.unwrap_or_default()
            );
            Ok(())
        };
        fits().gate()?;
        Ok(Arc::new(layout))
    }
}

async fn check(layout: Arc<Layout>) -> Result<(), Failure> {
    let checked = tokio::task::spawn_blocking(move || layout.check().map(drop)).await;
    checked.context("the image's check was cut short").usage()?.gate()
}

/// Makes the image of a program, as `lockgate package` makes it; the file's name is the image's title.
fn make(binary: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let program = fs::read(binary);
    let program =
        program.with_context(|| format!("{} cannot be read; give --binary a program", binary.display())).usage()?;
    let of = || format!("{} makes no image", binary.display());
    let architecture = elf::architecture(&program).with_context(of).gate()?;
    let name = binary.file_name().unwrap_or_default().to_string_lossy();
    let image = package::image::Image::new(&name, architecture, &program).with_context(of).usage()?;
    package::layout::write(&image, folder).usage()?;
    Ok(folder.to_owned())
}
