//! The `query` function: an AWS Lambda behind API Gateway, or with `--listen ADDRESS:PORT` a plain HTTP server.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use query::gateway::Gateway;
use query::{App, Config, app, listen, observe};
use std::env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    observe::init_logs();
    // Boxed: the compiler gives up on laying out the two ways to run as one nested future.
    if let Err(error) = Box::pin(start()).await {
        lambda_runtime::tracing::error!(cause = %error, "failed to start");
        return Err(error);
    }
    Ok(())
}

async fn start() -> Result<(), Error> {
    let config = Config::read(env::args().skip(1), |name| env::var(name).ok())?;
    let listen = config.listen.clone();
    let app = App::new(config, &app::sdk_config().await);
    match listen {
        Some(listen) => Ok(listen::serve(app, listen).await?),
        None => {
            let gateway = Gateway::new(app);
            run(service_fn(|event: LambdaEvent<serde_json::Value>| gateway.handle(event))).await
        }
    }
}
