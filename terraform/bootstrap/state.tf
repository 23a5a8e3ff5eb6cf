# Terraform's own: the state of every root, and the lock table that belongs to Terraform alone.

module "state" {
  source = "../modules/bucket"

  name    = "${var.name_prefix}-state-${var.account_id}"
  protect = var.protect
}

resource "aws_dynamodb_table" "state_lock" {
  name                        = "lockgate_state_lock"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "LockID"
  deletion_protection_enabled = var.protect

  attribute {
    name = "LockID"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
