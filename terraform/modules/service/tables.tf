# The tables, from the calls as received to the sums over them. Keys and items: `lambdas/call-model`.

# Every delivery of a call, as received.
resource "aws_dynamodb_table" "bronze" {
  name                        = "bronze_call_${var.environment}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "call_id"
  range_key                   = "position"
  stream_enabled              = true
  stream_view_type            = "NEW_IMAGE"
  deletion_protection_enabled = var.protect

  attribute {
    name = "call_id"
    type = "S"
  }

  attribute {
    name = "position"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

# The latest delivery of every call, cleaned and enriched.
resource "aws_dynamodb_table" "silver" {
  name                        = "silver_call_${var.environment}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "call_id"
  deletion_protection_enabled = var.protect

  attribute {
    name = "call_id"
    type = "S"
  }

  attribute {
    name = "client_id"
    type = "S"
  }

  attribute {
    name = "day"
    type = "S"
  }

  attribute {
    name = "started_at"
    type = "S"
  }

  global_secondary_index {
    name            = "by_client"
    hash_key        = "client_id"
    range_key       = "started_at"
    projection_type = "ALL"
  }

  global_secondary_index {
    name            = "by_day"
    hash_key        = "day"
    range_key       = "started_at"
    projection_type = "ALL"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

# Sums over the calls of one client on one day.
resource "aws_dynamodb_table" "counter" {
  name                        = "counter_call_${var.environment}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "client_id"
  range_key                   = "day"
  deletion_protection_enabled = var.protect

  attribute {
    name = "client_id"
    type = "S"
  }

  attribute {
    name = "day"
    type = "S"
  }

  global_secondary_index {
    name            = "by_day"
    hash_key        = "day"
    range_key       = "client_id"
    projection_type = "ALL"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

# Tombstones of erased calls. They never expire: a call may be delivered again at any time.
resource "aws_dynamodb_table" "erased" {
  name                        = "erased_call_${var.environment}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "call_hash"
  deletion_protection_enabled = var.protect

  attribute {
    name = "call_hash"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
