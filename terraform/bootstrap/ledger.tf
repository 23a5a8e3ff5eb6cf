# The ledger of each environment: its releases (`r...`) and Lockgate's locks (`lock/apply`, `lock/alias`) by `id`.

resource "aws_dynamodb_table" "releases" {
  for_each = toset(var.environments)

  name                        = "lockgate_releases_${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = var.protect

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
