//! An environment's ledger in the emulated AWS.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use lockgate::ledger::Ledger;

/// Makes the table, as terraform/bootstrap does; there is none of this environment yet.
pub(crate) async fn make(sdk: &SdkConfig, environment: &str) -> Ledger {
    let ledger = Ledger::new(sdk, environment);
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let create = Client::new(sdk).create_table().table_name(ledger.table()).billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(id.build().expect("complete"));
    create.key_schema(key.build().expect("complete")).send().await.expect("a new table");
    ledger
}
