//! The function host: runs the Lambdas that the emulated AWS forwards to it.
//!
//! Each invocation runs exactly the bytes of the version it is for (a zip by hash, an image by digest), in a process
//! behind a Lambda Runtime API, with the credentials of that function's own role and no others. It splits traffic by the
//! alias's weights, honours partial batch responses, and publishes metrics by alias and version, Lambda's own and those in
//! the embedded metric format, which the emulator does not.
//!
//! What it does not do: it isolates a function neither by a virtual machine nor by a chroot, limits no memory, freezes
//! no idle environment, and an image's own environment variables and user are left aside.

mod code;
pub mod environment;
mod metrics;
mod stream;
mod told;

use crate::http::{Answer, Asked, answer, listen, serve};
use crate::lambda::{self, Alias};
use anyhow::{Context, Result};
use aws_config::SdkConfig;
use bytes::Bytes;
use environment::{Environment, Invocation, Outcome};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use told::Told;

/// Environments are replaced before the credentials they were started with expire (an hour).
const CREDENTIALS_LAST: Duration = Duration::from_secs(45 * 60);

/// Where functions and their packages are found; known once the emulated AWS runs.
#[derive(Debug, Clone)]
pub struct Account {
    /// Settings of clients that may read functions, packages and images, and assume the functions' roles.
    pub config: SdkConfig,
    /// The one endpoint, for the functions' `AWS_ENDPOINT_URL` and the registry.
    pub url: String,
    /// The bucket that holds the zip packages.
    pub artifacts_bucket: String,
}

/// One invocation, as the report shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Invoked {
    /// The function, `ingest-staging`.
    pub function: String,
    /// The version that ran.
    pub version: String,
    /// What was invoked: the alias, or that version itself.
    pub qualifier: String,
    /// When it began.
    pub at: jiff::Timestamp,
    /// How long it took, in milliseconds.
    pub milliseconds: f64,
    /// Whether a process was started for it.
    pub cold: bool,
    /// The most memory its process had held by then, in bytes.
    pub peak_memory: Option<u64>,
    /// What the function, or the host, reported instead of an answer.
    pub error: Option<String>,
}

/// A running function host; ends when dropped.
#[derive(Debug)]
pub struct FunctionHost {
    /// Where the emulated AWS forwards invocations to, `http://127.0.0.1:<port>/`.
    pub url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    account: Arc<OnceLock<Account>>,
    folder: PathBuf,
    versions: Mutex<HashMap<(String, String), Arc<Version>>>,
    idle: Mutex<HashMap<(String, String), Vec<Environment>>>,
    invoked: Mutex<Vec<Invoked>>,
    events: Mutex<Vec<(String, serde_json::Value)>>,
    told: mpsc::UnboundedSender<Told>,
    /// The file with what functions printed.
    printed: PathBuf,
}

/// What does not change about a published version.
#[derive(Debug)]
struct Version {
    code: code::Code,
    variables: HashMap<String, String>,
    role: String,
    memory: i32,
    timeout: Duration,
}

impl FunctionHost {
    /// Starts it; what functions print goes to `<folder>/functions.log`, packages are kept in `packages`.
    ///
    /// # Errors
    /// If it cannot listen or write there.
    pub async fn start(folder: &Path, packages: &Path) -> Result<Self> {
        std::fs::create_dir_all(packages)?;
        let (listener, address) = listen().await?;
        let (told, listened) = mpsc::unbounded_channel();
        let printed = folder.join("functions.log");
        let account = Arc::default();
        told::listen(listened, &printed, Arc::clone(&account))?;
        let shared = Arc::new(Shared {
            account,
            folder: packages.to_owned(),
            versions: Mutex::default(),
            idle: Mutex::default(),
            invoked: Mutex::default(),
            events: Mutex::default(),
            told,
            printed,
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(serve(listener, move |asked| {
            let serving = Arc::clone(&serving);
            async move { serving.handle(asked).await }
        }));
        Ok(Self { url: format!("http://{address}/"), shared, task })
    }

    /// Says where functions are found; until then every invocation fails.
    pub fn serves(&self, account: Account) {
        // A second account would be a mistake of the caller without effect.
        let _ = self.shared.account.set(account);
    }

    /// All invocations so far, in the order in which they ended.
    #[must_use]
    pub fn invoked(&self) -> Vec<Invoked> {
        locked(&self.shared.invoked).clone()
    }

    /// The events that this function got from S3, in the order of arrival.
    #[must_use]
    pub fn events(&self, function: &str) -> Vec<serde_json::Value> {
        let events = locked(&self.shared.events);
        events.iter().filter(|(name, _)| name == function).map(|(_, event)| event.clone()).collect()
    }

    /// Waits until CloudWatch knows all of the invocations that have been answered and of what they printed.
    ///
    /// # Errors
    /// If something could not be published since this was last asked.
    pub async fn flush_metrics(&self) -> Result<()> {
        for environment in locked(&self.shared.idle).values_mut().flatten() {
            environment.tell();
        }
        let (awaiting, done) = oneshot::channel();
        // Both fail only if the task that publishes has panicked.
        let _ = self.shared.told.send(Told::Awaited(awaiting));
        done.await.context("the task that publishes metrics has ended")?
    }

    /// Every line that functions have printed so far, those of running invocations aside.
    ///
    /// # Errors
    /// As [`Self::flush_metrics`], or if the file cannot be read.
    pub async fn printed(&self) -> Result<Vec<String>> {
        self.flush_metrics().await?;
        let path = &self.shared.printed;
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

impl Drop for FunctionHost {
    fn drop(&mut self) {
        self.task.abort();
        locked(&self.shared.idle).clear();
    }
}

impl Shared {
    async fn handle(&self, asked: Asked) -> Answer {
        match self.forwarded(&asked).await {
            Ok(Ok(response)) => answer(200, response),
            Ok(Err(reported)) => answer(500, reported),
            Err(error) => answer(502, format!("{error:#}")),
        }
    }

    /// An invocation as the emulator forwards it.
    async fn forwarded(&self, asked: &Asked) -> Result<Outcome> {
        let header = |name: &str| {
            let value = asked.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned).with_context(|| format!("the forwarded invocation has no {name}"))
        };
        let function = header("x-amzn-lambda-function-name")?;
        let arn = header("x-amzn-lambda-function-arn")?;
        let main = header("x-amzn-lambda-function-version")?;
        let event: serde_json::Value = serde_json::from_slice(asked.body()).unwrap_or_default();
        // Every trigger of ours is on the alias; the emulator says the version that it looked up instead.
        let triggered = event["Records"][0]["eventSource"].is_string() || event["requestContext"].is_object();
        let direct = format!(":{main}");
        let arn = arn.strip_suffix(&direct).filter(|_| triggered).map_or(arn.clone(), str::to_owned);
        let invocation = Invocation {
            request_id: header("x-amzn-lambda-request-id")?,
            arn,
            deadline_ms: header("x-amzn-lambda-deadline-ms")?.parse().context("the deadline is no number")?,
            event: asked.body().clone(),
        };
        match event["Records"][0]["eventSource"].as_str() {
            Some("aws:dynamodb") => {
                let mapping = stream::Mapping::of(&self.account()?.config, &function).await?;
                stream::deliver(&mapping, event, |event| {
                    let invocation = Invocation { event, request_id: lambda::request_id(), ..invocation.clone() };
                    self.invoke(&function, &main, invocation)
                })
                .await
            }
            Some("aws:s3") => {
                locked(&self.events).push((function.clone(), event));
                self.invoke(&function, &main, invocation).await
            }
            _ => self.invoke(&function, &main, invocation).await,
        }
    }

    /// What this invocation is of, and the version it goes to: the one the ARN names, else one by the alias's weights.
    async fn choose(&self, function: &str, main: &str, invocation: &Invocation) -> Result<(String, String)> {
        if main == "$LATEST" || invocation.arn.ends_with(&format!(":{main}")) {
            return Ok((main.to_owned(), main.to_owned()));
        }
        let alias = Alias::read(&self.account()?.config, function).await?;
        Ok((lambda::ALIAS.to_owned(), alias.choose(&invocation.request_id).to_owned()))
    }

    async fn invoke(&self, function: &str, main: &str, invocation: Invocation) -> Result<Outcome> {
        let (qualifier, version) = self.choose(function, main, &invocation).await?;
        let at = jiff::Timestamp::now();
        let began = Instant::now();
        let warm = self.idle_environment(function, &version);
        let cold = warm.is_none();
        let mut peak_memory = None;
        let run = async {
            let facts = self.version(function, &version).await?;
            let mut environment = match warm {
                Some(environment) => environment,
                None => self.environment(function, &version, &facts).await?,
            };
            let timeout = jiff::Timestamp::now().as_millisecond() + i64::try_from(facts.timeout.as_millis())?;
            let deadline_ms = invocation.deadline_ms.min(timeout);
            let outcome = environment.invoke(Invocation { deadline_ms, ..invocation }).await?;
            peak_memory = environment.peak_memory();
            let key = (function.to_owned(), version.clone());
            locked(&self.idle).entry(key).or_default().push(environment);
            Ok(outcome)
        };
        let outcome: Result<Outcome> = run.await;
        let error = match &outcome {
            Ok(Ok(_)) => None,
            Ok(Err(reported)) => Some(String::from_utf8_lossy(reported).into_owned()),
            Err(error) => Some(format!("{error:#}")),
        };
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        let function = function.to_owned();
        let invoked = Invoked { function, version, qualifier, at, milliseconds, cold, peak_memory, error };
        locked(&self.invoked).push(invoked.clone());
        // Nobody listens any more when the host ends.
        let _ = self.told.send(Told::Invoked(invoked));
        outcome
    }

    fn idle_environment(&self, function: &str, version: &str) -> Option<Environment> {
        let mut idle = locked(&self.idle);
        let pool = idle.get_mut(&(function.to_owned(), version.to_owned()))?;
        pool.retain(|environment| environment.started.elapsed() < CREDENTIALS_LAST);
        pool.pop()
    }

    async fn environment(&self, function: &str, version: &str, facts: &Version) -> Result<Environment> {
        let account = self.account()?;
        let credentials = lambda::assume_role(&account.config, &facts.role, function).await?;
        let region = account.config.region().map(ToString::to_string).unwrap_or_default();
        let mut variables: Vec<(String, String)> = vec![
            ("AWS_LAMBDA_FUNCTION_NAME".into(), function.into()),
            ("AWS_LAMBDA_FUNCTION_VERSION".into(), version.into()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".into(), facts.memory.to_string()),
            ("AWS_LAMBDA_LOG_GROUP_NAME".into(), format!("/aws/lambda/{function}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME".into(), format!("[{version}]")),
            ("AWS_REGION".into(), region),
            ("AWS_ENDPOINT_URL".into(), account.url.clone()),
            ("AWS_EC2_METADATA_DISABLED".into(), "true".into()),
            ("AWS_ACCESS_KEY_ID".into(), credentials.access_key_id),
            ("AWS_SECRET_ACCESS_KEY".into(), credentials.secret_access_key),
            ("AWS_SESSION_TOKEN".into(), credentials.session_token),
        ];
        variables.extend(facts.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        Environment::start(&facts.code.program, &facts.code.root, &variables, self.told.clone()).await
    }

    async fn version(&self, function: &str, version: &str) -> Result<Arc<Version>> {
        let key = (function.to_owned(), version.to_owned());
        if let Some(known) = locked(&self.versions).get(&key) {
            return Ok(Arc::clone(known));
        }
        let account = self.account()?;
        let client = aws_sdk_lambda::Client::new(&account.config);
        let found = client.get_function().function_name(function).qualifier(version).send().await;
        let found = found.with_context(|| format!("failed to read {function}, version {version}"))?;
        let settings = found.configuration().context("GetFunction gave no configuration")?;
        let code = match found.code().and_then(|code| code.image_uri()) {
            Some(uri) => code::image(&account.config, &account.url, uri, &self.folder).await?,
            None => {
                let stem = function.rsplit_once('-').map_or(function, |(stem, _)| stem);
                let sha256 = settings.code_sha256().context("GetFunction gave no CodeSha256")?;
                code::zip(&account.config, &account.artifacts_bucket, stem, sha256, &self.folder).await?
            }
        };
        let facts = Arc::new(Version {
            code,
            variables: settings.environment().and_then(|set| set.variables().cloned()).unwrap_or_default(),
            role: settings.role().context("GetFunction gave no role")?.to_owned(),
            memory: settings.memory_size().unwrap_or(128),
            timeout: Duration::from_secs(settings.timeout().and_then(|seconds| seconds.try_into().ok()).unwrap_or(3)),
        });
        if version != "$LATEST" {
            locked(&self.versions).insert(key, Arc::clone(&facts));
        }
        Ok(facts)
    }

    fn account(&self) -> Result<&Account> {
        self.account.get().context("the function host does not know its account yet")
    }
}

/// The lock of data that no panic can leave half changed.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The bytes of a JSON value.
fn bytes(value: &serde_json::Value) -> Bytes {
    Bytes::from(value.to_string())
}
