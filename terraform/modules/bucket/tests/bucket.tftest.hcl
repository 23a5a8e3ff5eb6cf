# Pins what every bucket of ours promises: versioned, encrypted, TLS only, never public, and not destroyed with objects
# in it unless protection was turned off. State and calls are in these buckets; nobody would notice one of these missing.

mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::lockgate-test" }
  }
}

variables {
  name = "lockgate-test"
}

run "versioned_encrypted_private_and_protected" {
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket is not versioned."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "The bucket is not encrypted."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "The bucket can be made public."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      statement.Resource if statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*" && try(statement.Condition.Bool["aws:SecureTransport"], null) == "false"
    ] == [["arn:aws:s3:::lockgate-test", "arn:aws:s3:::lockgate-test/*"]]
    error_message = "The bucket or its objects can be reached without TLS."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "Destroying takes the objects along although protection is on."
  }
}

run "the_clean_up_takes_the_objects_along" {
  variables {
    protect = false
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy
    error_message = "The clean-up would stop at the first object."
  }
}
