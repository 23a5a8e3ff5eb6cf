# The service: calls land in a bucket, `ingest` stores them, `enrich` refines them, `query` answers for them.
# One file for each function: the function, what it may do, its trigger, its queue.

data "aws_partition" "current" {}

locals {
  registry = "${var.account_id}.dkr.ecr.${var.region}.${data.aws_partition.current.dns_suffix}"

  # How long a failed event waits for its redrive. The object version it names must outlive it: see landing.tf.
  redrive_days = 14

  queues = {
    for queue in ["ingest-failed", "enrich-failed"] : queue => {
      name = "${queue}-${var.environment}"
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = "arn:${data.aws_partition.current.partition}:sqs:${var.region}:${var.account_id}:${queue}-${var.environment}"
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        }]
      })
    }
  }
}
