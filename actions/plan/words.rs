//! Terraform's reasons in words
//! ([list](https://developer.hashicorp.com/terraform/internals/json-format#plan-representation)); one that is newer than
//! this program is given as it is.

/// Why a resource is replaced, destroyed or read.
pub(super) fn reason(reason: &str) -> String {
    match reason {
        "replace_because_cannot_update" => "a changed attribute cannot be changed in place",
        "replace_because_tainted" => "tainted: an earlier apply did not finish it",
        "replace_by_request" => "replacing it was asked for with -replace",
        "replace_by_triggers" => "what its replace_triggered_by names changes",
        "delete_because_no_resource_config" => "no longer in the configuration",
        "delete_because_wrong_repetition" => "its count or for_each came or went",
        "delete_because_count_index" => "its index is beyond count",
        "delete_because_each_key" => "its key is no longer in for_each",
        "delete_because_no_module" => "its module is no longer in the configuration",
        "delete_because_no_move_target" => "moved to an address that is not in the configuration",
        "read_because_config_unknown" => "its configuration is known only during the apply",
        "read_because_dependency_pending" => "something it depends on changes",
        "read_because_check_nested" => "a check reads it anew",
        other => return crate::markdown::short(other, 200),
    }
    .to_owned()
}

/// Why a change is put off to a later plan.
pub(super) fn deferred(reason: &str) -> String {
    match reason {
        "unknown" => "deferred for an unknown reason",
        "instance_count_unknown" => "deferred: how many there will be is not known yet",
        "resource_config_unknown" => "deferred: its configuration is not known yet",
        "provider_config_unknown" => "deferred: its provider's configuration is not known yet",
        "deferred_prereq" => "deferred: something it depends on is deferred",
        "absent_prereq" => "deferred: something it depends on does not exist yet",
        other => return format!("deferred: {}", crate::markdown::short(other, 200)),
    }
    .to_owned()
}
