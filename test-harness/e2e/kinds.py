"""The end-to-end tests that are not for a kind of installation, because of what it cannot do.

docs/install.md has the table of what each kind can do.  Every other test runs with every kind that `matrix`
uses it for.  A pattern is FILE::TEST as `run` prints it, and may have *.  `run` fails if a pattern fits no test.
"""

import fnmatch
import os

REBUILT = "rebuilt"     # our own build, everything compiled in
HEAVY = "heavy"         # exim4-daemon-heavy: local_scan_path, and ${dlfunc} in routers and transports
ACL = "acl"             # exim4-daemon-heavy: ${dlfunc} alone, refusing by ACL
LIGHT = "light"         # exim4-daemon-light, which has no ${dlfunc}: local_scan_path alone
KINDS = (REBUILT, HEAVY, ACL, LIGHT)

NOT_FOR = {
    REBUILT: {},
    HEAVY: {
        "test_not_a_source.py::TestAllTogether.test_forged_senders": "this Exim knows SPF, which passes for 127.0.0.0/8",
        "test_soak.py::test_mixed_traffic": "it plays rebuilt and heavy, whatever is chosen",
        "test_snippets.py::TestNoModule.*": "an installation that has a module",
    },
    ACL: {
        "test_not_a_source.py::TestAllTogether.test_forged_senders": "this Exim knows SPF, which passes for 127.0.0.0/8",
        "test_soak.py::test_mixed_traffic": "it plays rebuilt and heavy, whatever is chosen",
        "test_snippets.py::TestNoModule.*": "an installation that has a module",
        "test_exempt.py::TestRecipients.*": "an ACL takes no recipients off",
        "test_snippets.py::TestAllFiles.*": "this kind has a DATA ACL of its own",
        "test_snippets.py::TestAcl.*": "there is no local_scan() after the ACL",
        "test_snippets.py::TestUnsignRecipients.*": "taking tags off in place needs a local_scan()",
        "test_snippets.py::TestUnsignDoubt.*": "taking tags off in place needs a local_scan()",
        "test_modes.py::test_a_status_header_of_a_local_user_is_removed": "no ACL of ours sees a local submission",
        "test_reception.py::*": "there is no local_scan(), so nothing is signed at reception",
        "test_arming.py::test_signed_mail_need_not_be_seen": "there is no local_scan(), so nothing is signed at reception",
        **{f"test_arming.py::test_{name}": "there is no local_scan() to count what is accepted for outside" for name in (
            "cutthrough_is_a_break", "cutthrough_is_a_break_where_reception_signs", "reception_alone", "few_are_seen")},
        "test_trace.py::test_a_changed_received_header_text": "this kind has a DATA ACL of its own",
        "test_company.py::*": "an ACL does not defer floods, and sees little of a body",
        "test_flood.py::*": "an ACL refuses or not: it does not put off",
        "test_memory_trouble.py::TestNasty.*": "an ACL sees no more of a body than $message_body",
        "test_idn.py::TestMemory.test_addresses_in_the_header":
            "a delivery remembers an id for the envelope sender alone",
        **{f"test_{name}": "a delivery remembers an id for the envelope sender alone" for name in (
            "memory.py::TestReplies.test_other_addresses_of_the_sender", "hints.py::TestHints.test_[!l]*",
            "memory_trouble.py::TestPlanting.test_by_a_local_user")},
        "test_hints.py::TestPairs.*": "without local_scan() a router remembers the pairs, and this Exim has none",
        "test_fail2ban.py::TestFail2ban.test_our_*": "fail2ban does not take an ACL's rejection for spam",
    },
    LIGHT: {
        **{f"test_reception.py::TestUnsignedHosts.test_{name}": "this Exim has no ${dlfunc}, so no transport can ask about its next hop" for name in (
            "the_next_hop", "a_bounce_of_the_untagged_mail", "a_list_that_cannot_be_asked", "signed_by_the_router_or_the_transport")},
        "test_soak.py::test_mixed_traffic": "it plays rebuilt and heavy, whatever is chosen",
        "test_company.py::*": "what the list sends and what the transport heals leaves bare",
        "test_snippets.py::TestNoModule.*": "an installation that has a module",
        "test_migration.py::TestTheRecipe.*": "signed at reception alone: what waited in the queue leaves untagged",
        **{f"test_{name}": "there is no ${dlfunc}" for name in (
            "exempt.py::TestOneByOne.*", "rcpt_flood.py::*", "layouts_more.py::TestSrs.*", "memory_trouble.py::TestPlanting.test_by_an_expansion",
            "oracle.py::TestOracle.test_we_*", "differential.py::TestFormats.test_a_written_state",
            "differential.py::TestFormats.test_tags", "receipts.py::*", "snippets.py::TestAllFiles.*", "not_a_source.py::TestAllTogether.*",
            "snippets.py::TestAcl.*", "snippets.py::TestMisplaced.*", "snippets.py::TestBare.*", "snippets.py::TestEdges.*",
            "snippets.py::TestTaint.*", "trouble.py::TestTruncated.test_every_length_for_the_reader",
            "trouble.py::TestMemory.test_truncated_while_in_use",
            "trouble.py::TestMemory.test_no_descriptor_stays_open")},
        **{f"test_{name}": "signed at reception: no router, no transport" for name in (
            "bounce.py::TestLocalBounces.test_signed_at_the_transport_it_goes_to_the_bare_address",
            "reception.py::TestUnsignedDestinations.test_by_the_transport_alone",
            "reception.py::TestQueue.*", "exempt.py::test_own_bounces_are_never_judged", "snippets.py::TestRouterAlone.*",
            "snippets.py::TestTransportAlone.*", "snippets.py::TestWithoutUnsigning.*", "sign.py::TestTransportAlone.*",
            "sign.py::TestWithoutUnsigningRouter.*",
            "sign.py::TestUnsignedDestinations.test_shipped_router_and_transport",
            "trouble.py::TestLists.test_signing_for_a_host")},
        **{f"test_{name}": "what an alias or a list sends on leaves bare" for name in (
            "reception.py::TestDefault.test_what_an_alias_*", "memory_trouble.py::TestPlanting.test_by_a_mailing_list", "sign.py::TestMailingList.test_[!n]*",
            "sign.py::TestTrust.test_user_by_an_alias",
            "flood.py::TestDeliveries.test_an_alias_leads_to_others", "flood.py::TestDeliveries.test_the_owner_of_a_list")},
        **{f"test_arming.py::test_{name}": "it only signs at reception" for name in (
            "cutthrough_is_a_break", "mail_that_cannot_be_routed_is_not_unseen")},
        "test_sign.py::test_a_retry_keeps_its_sender*": "signed at reception, it keeps it for ever",
        "test_modes.py::TestBreaks.test_mail_left_bare": "mail that leaves untagged for lack of a state is not noticed",
    },
}


def chosen_kind():
    """The kind of installation under test: $BATV_KIND, or rebuilt."""
    kind = os.environ.get("BATV_KIND") or REBUILT
    if kind not in KINDS:
        raise SystemExit(f"BATV_KIND={kind}: one of {' '.join(KINDS)}")
    return kind


def not_for(file, test):
    """Why a test is not for the chosen kind; None if it is."""
    return next((reason for pattern, reason in NOT_FOR[chosen_kind()].items()
                 if fnmatch.fnmatchcase(f"{file}::{test}", pattern)), None)


def stale(file, tests):
    """Patterns, of all kinds, that fit none of a FILE's TESTS."""
    patterns = {pattern for kind in NOT_FOR.values() for pattern in kind if pattern.startswith(f"{file}::")}
    return sorted(p for p in patterns if not any(fnmatch.fnmatchcase(f"{file}::{test}", p) for test in tests))
