//! DynamoDB refuses a write while a transaction is under way on the same item; the SDK does not ask again.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>

use std::time::Duration;

use aws_sdk_dynamodb::{error::SdkError, operation::transact_write_items::TransactWriteItemsError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws;

/// Attempts for one write: a transaction of ours takes tens of milliseconds.
const ATTEMPTS: u32 = 6;

/// The first pause between two attempts; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(30);

/// Writes one item, again while a transaction holds it.
pub(crate) async fn write<T, E, R>(send: impl AsyncFn() -> Result<T, SdkError<E, R>>) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
{
    again(send, |error| aws::is(error, "TransactionConflictException")).await
}

/// Writes a transaction, again while another one holds an item of it; a condition that does not hold is final.
pub(super) async fn transact<T, R>(
    send: impl AsyncFn() -> Result<T, SdkError<TransactWriteItemsError, R>>,
) -> Result<T, SdkError<TransactWriteItemsError, R>> {
    again(send, |error| {
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return false;
        };
        let has = |code: &str| cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(code));
        has("TransactionConflict") && !has("ConditionalCheckFailed")
    })
    .await
}

async fn again<T, E>(send: impl AsyncFn() -> Result<T, E>, conflict: impl Fn(&E) -> bool) -> Result<T, E> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match send().await {
            Err(error) if conflict(&error) => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    send().await
}
