# Bucket, lock table, region and key come from `terraform init -backend-config=...`: see terraform/README.md.
terraform {
  backend "s3" {}
}
