# Pins that production is staging with other values: what was tried there is what runs here. A difference in the roots
# themselves would show only after the promotion.

mock_provider "aws" {
  source = "../../modules/service/tests/mocks"
}

variables {
  account_id       = "123456789012"
  region           = "eu-central-1"
  artifacts_bucket = "lockgate-artifacts-123456789012"
  ingest_zip       = { key = "functions/ingest/1.zip", sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }
  enrich_image     = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
  query_image      = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
}

run "the_roots_are_the_same_but_for_their_values" {
  command = plan

  assert {
    condition = {
      for file in setunion(fileset(path.root, "*.tf"), [".terraform.lock.hcl"]) : file => filesha256("${path.root}/${file}")
      } == {
      for file in setunion(fileset("${path.root}/../staging", "*.tf"), [".terraform.lock.hcl"]) : file => filesha256("${path.root}/../staging/${file}")
    }
    error_message = "environments/production and environments/staging differ in more than terraform.tfvars."
  }

  assert {
    condition     = var.environment == "production" && var.protect
    error_message = "This root is not production, or production is not protected."
  }
}
