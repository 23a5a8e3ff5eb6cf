# Pins who is let in: a trust that is a character too wide gives the cloud to somebody else's workflow.

mock_provider "aws" {}

variables {
  name         = "rollback-staging"
  description  = "test"
  provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  repository   = "acme/calls"
  subjects     = ["environment:staging-rollback"]
  statements   = [{ actions = ["lambda:GetAlias"], resources = ["arn:aws:lambda:eu-central-1:111122223333:function:*-staging"] }]
}

run "audience_and_subject_are_compared_as_a_whole" {
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = ["repo:acme/calls:environment:staging-rollback"]
        }
      }
    }]
    error_message = "The trust is not exactly audience and subject."
  }
}

run "the_branch_is_compared_too_where_it_is_named" {
  variables {
    ref = "refs/heads/main"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:acme/calls:environment:staging-rollback"]
        "token.actions.githubusercontent.com:ref" = "refs/heads/main"
      }
    }
    error_message = "The trust is not exactly audience, subject and branch."
  }
}

run "every_branch_is_refused" {
  command = plan

  variables {
    ref = "refs/heads/*"
  }

  expect_failures = [var.ref]
}

run "an_immutable_subject_carries_both_ids" {
  variables {
    repository_ids = { owner = "1001", repository = "2002" }
    subjects       = ["environment:staging-rollback", "ref:refs/heads/main"]
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == [
      "repo:acme@1001/calls@2002:environment:staging-rollback",
      "repo:acme@1001/calls@2002:ref:refs/heads/main",
    ]
    error_message = "The subject is not repo:OWNER@ID/REPO@ID:..."
  }
}

run "the_role_may_do_what_is_stated_and_no_more" {
  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [{
      Effect   = "Allow"
      Action   = ["lambda:GetAlias"]
      Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:*-staging"]
    }]
    error_message = "The policy is not the statements given."
  }
}

run "a_condition_stands_in_its_own_statement_and_nowhere_else" {
  variables {
    statements = [
      { actions = ["lambda:GetAlias"], resources = ["*"] },
      {
        actions    = ["iam:PassRole"]
        resources  = ["arn:aws:iam::111122223333:role/ingest-staging"]
        conditions = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com"] } }
      },
    ]
  }

  # As text: a condition that is null or empty would be another policy.
  assert {
    condition = aws_iam_role_policy.this.policy == join("", [
      "{\"Statement\":[",
      "{\"Action\":[\"lambda:GetAlias\"],\"Effect\":\"Allow\",\"Resource\":[\"*\"]},",
      "{\"Action\":[\"iam:PassRole\"],\"Condition\":{\"StringEquals\":{\"iam:PassedToService\":[\"lambda.amazonaws.com\"]}},",
      "\"Effect\":\"Allow\",\"Resource\":[\"arn:aws:iam::111122223333:role/ingest-staging\"]}",
      "],\"Version\":\"2012-10-17\"}",
    ])
    error_message = "The conditions are not where they were given."
  }
}

run "a_subject_with_a_wildcard_is_refused" {
  command = plan

  variables {
    subjects = ["environment:*"]
  }

  expect_failures = [var.subjects]
}

run "every_repository_of_an_owner_is_refused" {
  command = plan

  variables {
    repository = "acme/*"
  }

  expect_failures = [var.repository]
}

run "nobody_at_all_is_refused" {
  command = plan

  variables {
    subjects = []
  }

  expect_failures = [var.subjects]
}
