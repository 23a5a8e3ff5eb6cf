//! What a push has to do, found out in two waves of questions, and done: blobs first, then each manifest by its digest, then
//! its tag.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use anyhow::anyhow;
use futures::future::{try_join, try_join_all};

use super::{
    reference::Repository,
    registry::{Registry, taken},
    upload::Way,
};
use crate::{
    failure::{Blame, Failure},
    oci::{Descriptor, Layout},
};

/// One image on its way.
pub(super) struct Job {
    pub(super) repository: Repository,
    pub(super) tag: String,
    pub(super) layout: Arc<Layout>,
    pub(super) registry: Arc<Registry>,
    pub(super) move_tag: bool,
}

/// What of an image is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Need {
    Nothing,
    Tag,
    Manifest,
}

/// A blob and the repositories of one registry that have or need it.
struct Blob {
    registry: Arc<Registry>,
    descriptor: Descriptor,
    file: PathBuf,
    has: Vec<String>,
    lacks: Vec<String>,
}

/// What is to be done.
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    needs: Vec<Need>,
    blobs: Vec<Blob>,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    /// Blobs whose bytes went out, and how many bytes these were.
    pub(super) uploaded: usize,
    pub(super) bytes: u64,
    /// Blobs that came from a repository beside.
    pub(super) mounted: usize,
}

impl Plan {
    /// Asks the registries what they have. Nothing is changed yet.
    ///
    /// # Errors
    /// [`Failure::Gate`] if a tag names another image and may not move.
    pub(super) async fn make(jobs: Vec<Job>) -> Result<Self, Failure> {
        let needs = try_join_all(jobs.iter().map(need)).await?;
        let mut blobs: BTreeMap<(String, String), Blob> = BTreeMap::new();
        for (job, need) in jobs.iter().zip(&needs) {
            for descriptor in job.layout.blobs() {
                let file = job.layout.path(descriptor).gate()?;
                let key = (job.repository.registry.clone(), descriptor.digest.clone());
                let (has, lacks) = (Vec::new(), Vec::new());
                let registry = Arc::clone(&job.registry);
                let new = || Blob { registry, descriptor: descriptor.clone(), file, has, lacks };
                let blob = blobs.entry(key).or_insert_with(new);
                // A manifest is only taken once its blobs are there.
                let list = if *need == Need::Manifest { &mut blob.lacks } else { &mut blob.has };
                if !list.contains(&job.repository.name) {
                    list.push(job.repository.name.clone());
                }
            }
        }
        let blobs = try_join_all(blobs.into_values().map(Blob::ask)).await?;
        Ok(Self { jobs, needs, blobs })
    }

    /// Does it.
    ///
    /// # Errors
    /// [`Failure::World`] for what the registry does not do, [`Failure::Gate`] if somebody else was faster with a tag.
    pub(super) async fn apply(&self) -> Result<Sent, Failure> {
        let sent = try_join_all(self.blobs.iter().map(Blob::bring)).await?;
        let jobs = self.jobs.iter().zip(&self.needs);
        try_join_all(jobs.map(async |(job, need)| {
            let (registry, name, layout) = (&job.registry, &job.repository.name, &job.layout);
            if *need == Need::Manifest {
                registry.put_manifest(name, &layout.manifest.digest, layout).await?;
            }
            if *need != Need::Nothing {
                registry.put_manifest(name, &job.tag, layout).await?;
            }
            Ok::<_, Failure>(())
        }))
        .await?;
        let add = |one: Sent, other: &Sent| Sent {
            uploaded: one.uploaded + other.uploaded,
            bytes: one.bytes + other.bytes,
            mounted: one.mounted + other.mounted,
        };
        Ok(sent.iter().fold(Sent::default(), add))
    }
}

async fn need(job: &Job) -> Result<Need, Failure> {
    let Job { repository, tag, layout, registry, move_tag } = job;
    let ours = layout.manifest.digest.as_str();
    let (named, tagged) =
        try_join(registry.manifest(&repository.name, ours), registry.manifest(&repository.name, tag)).await?;
    match tagged {
        Some(theirs) if theirs == ours => Ok(Need::Nothing),
        Some(theirs) if !move_tag => Err(Failure::Gate(anyhow!(taken(&repository.to_string(), tag, &theirs, ours)))),
        _ if named.as_deref() == Some(ours) => Ok(Need::Tag),
        _ => Ok(Need::Manifest),
    }
}

impl Blob {
    async fn ask(mut self) -> Result<Self, Failure> {
        let has = self.lacks.iter().map(|repository| self.registry.has(repository, &self.descriptor.digest));
        let answers = try_join_all(has).await?;
        let mut answers = answers.into_iter();
        let (there, missing): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.lacks).into_iter().partition(|_| answers.next().unwrap_or_default());
        self.has.extend(there);
        self.lacks = missing;
        Ok(self)
    }

    /// The first repository gets the bytes, the others mount them from there.
    async fn bring(&self) -> Result<Sent, Failure> {
        let bring = |to, from| self.registry.bring(to, &self.descriptor, &self.file, from);
        let mut lacks = self.lacks.iter().map(String::as_str);
        let mut ways = Vec::new();
        let source = match self.has.first() {
            Some(source) => source.as_str(),
            None => {
                let Some(first) = lacks.next() else { return Ok(Sent::default()) };
                ways.push(bring(first, None).await?);
                first
            }
        };
        ways.extend(try_join_all(lacks.map(|to| bring(to, Some(source)))).await?);
        let uploaded = ways.iter().filter(|way| **way == Way::Sent).count();
        let bytes = self.descriptor.size * uploaded as u64;
        Ok(Sent { uploaded, bytes, mounted: ways.len() - uploaded })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (job, need) in self.jobs.iter().zip(&self.needs) {
            let what = match need {
                Need::Nothing => "there already",
                Need::Tag => "there already under its digest: only the tag is new",
                Need::Manifest => "to be pushed",
            };
            let digest = &job.layout.manifest.digest;
            writeln!(f, "{}:{} = {digest}: {what}", job.repository, job.tag)?;
        }
        let lacking = self.blobs.iter().filter(|blob| !blob.lacks.is_empty());
        for Blob { descriptor, has, lacks, .. } in lacking {
            let from = has.first().map_or_else(String::new, |from| format!(", mounted from {from} if possible"));
            writeln!(f, "  {} ({} bytes) to {}{from}", descriptor.digest, descriptor.size, lacks.join(", "))?;
        }
        Ok(())
    }
}
