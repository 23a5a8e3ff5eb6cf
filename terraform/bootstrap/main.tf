# What the pipeline stands on, once per account: where Terraform keeps its state, where artifacts wait for their
# release, and the ledger of releases. It starts with local state and then moves that into the bucket it made.

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
  s3_use_path_style   = var.s3_use_path_style

  default_tags {
    tags = {
      repository = var.repository
      root       = "terraform/bootstrap"
    }
  }
}

data "aws_partition" "current" {}
