# Names that tell buckets and tables apart, and what the provider checks the shape of.

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_resource "aws_iam_openid_connect_provider" {
  defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
}

override_resource {
  target = module.state.aws_s3_bucket.this
  values = { id = "lockgate-state-111122223333", arn = "arn:aws:s3:::lockgate-state-111122223333" }
}

override_resource {
  target = module.artifacts.aws_s3_bucket.this
  values = { id = "lockgate-artifacts-111122223333", arn = "arn:aws:s3:::lockgate-artifacts-111122223333" }
}

override_resource {
  target = aws_dynamodb_table.state_lock
  values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_state_lock" }
}

override_resource {
  target = aws_dynamodb_table.releases["staging"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging" }
}

override_resource {
  target = aws_dynamodb_table.releases["production"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_production" }
}

override_resource {
  target = aws_ecr_repository.this["enrich"]
  values = { arn = "arn:aws:ecr:eu-central-1:111122223333:repository/enrich" }
}

override_resource {
  target = aws_ecr_repository.this["query"]
  values = { arn = "arn:aws:ecr:eu-central-1:111122223333:repository/query" }
}
