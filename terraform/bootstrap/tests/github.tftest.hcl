# Pins what GitHub's jobs may do here, and that nobody is let in unasked.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    }
  }
}

variables {
  account_id = "111122223333"
  region     = "eu-central-1"
}

run "without_a_repository_nobody_is_let_in" {
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(module.rollback) == 0
    error_message = "There is a provider or a role although no repository was named."
  }
}

run "each_environment_has_a_rollback_role" {
  variables {
    github_repository = "acme/calls"
  }

  assert {
    condition     = keys(output.rollback_roles) == ["production", "staging"]
    error_message = "There is not one role for each environment."
  }

  assert {
    condition     = aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "The provider takes tokens that were made for somebody else."
  }
}

run "an_account_that_has_a_provider_keeps_it" {
  variables {
    github_repository   = "acme/calls"
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(module.rollback) == 2
    error_message = "A second provider would be made, which AWS refuses."
  }
}
