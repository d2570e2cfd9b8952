/*
 * fleet_known.c - puts together what is known of the fleet.
 *
 * Invariant: without a fleet nothing is read, written or decided here.
 */
#include "fleet_known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet_arming.h"
#include "memory/domains.h"

#define CLAIMS_MAX                                                                                 \
 4096 /* places of the domain table for domains that only other hosts send for                     \
       */

static void read_view(struct batv_fleet_known *fleet, const struct batv_global *config, int64_t now)
{
	batv_fleet_view_free(&fleet->view);
	if (!config->fleet_directory ||
	    !*config->fleet_directory) { /* what is published does not have it */
		(void)snprintf(fleet->trouble, sizeof fleet->trouble,
			       "the hosts of the fleet are not known without the configuration");
		return;
	}
	if (batv_fleet_view_read(config->fleet_directory, now, &fleet->view, fleet->trouble,
				 sizeof fleet->trouble) != BATV_OK) {
		const size_t used = strlen(fleet->trouble);

		(void)snprintf(fleet->trouble + used, sizeof fleet->trouble - used,
			       "; batv-fleet writes it: is it running? Until then the domains of "
			       "the fleet go by this server's own evidence");
		return;
	}
	if (strcmp(fleet->view.fleet, config->fleet) != 0) {
		(void)snprintf(fleet->trouble, sizeof fleet->trouble,
			       "%s/%s: it is about fleet %.64s, not about %.64s; does batv-fleet "
			       "read the same configuration?",
			       config->fleet_directory, BATV_FLEET_VIEW_NAME, fleet->view.fleet,
			       config->fleet);
		batv_fleet_view_free(&fleet->view);
	}
}

void batv_fleet_known_read(struct batv_fleet_known *fleet, const struct batv_store *store,
			   const struct batv_global *config, int64_t now)
{
	char message[BATV_MESSAGE_SIZE];

	if (!config->fleet || !*config->fleet) {
		batv_fleet_known_free(fleet);
		return;
	}
	fleet->on = true;
	fleet->trouble[0] = '\0';
	fleet->patience = config->fleet_patience;
	if (!fleet->row.json)
		batv_fleet_row_read(store, now, &fleet->row);
	read_view(fleet, config, now);
	if (batv_fleet_said_read(store, &fleet->said, message, sizeof message) != BATV_OK)
		(void)snprintf(fleet->trouble, sizeof fleet->trouble, "%s", message);
}

static const struct batv_policy *policy_named(const struct batv_state *st, const char *name)
{
	for (size_t i = 0; i < st->n_policies; i++)
		if (strcmp(st->policies[i].name, name) == 0)
			return &st->policies[i];
	return NULL;
}

static void claim(const struct batv_fleet_domain *d, const struct batv_state *state,
		  struct batv_memory *memory, size_t *claims)
{
	const struct batv_policy *policy = policy_named(state, d->policy);
	struct batv_domain there, fresh = {.flags = 0};

	if (!policy || !d->first_signed || *claims == CLAIMS_MAX ||
	    strlen(d->name) >= sizeof fresh.name || batv_domain_find(memory, d->name, &there))
		return;
	memcpy(fresh.name, d->name, strlen(d->name) + 1);
	fresh.policy_sum = batv_domain_policy_sum(policy->name);
	if (batv_domain_merge(memory, &fresh) == BATV_OK)
		++*claims;
}

/* Bounces come here for what other hosts sent, so those domains need a place for their mode. */
static void claim_domains(const struct batv_fleet_known *fleet, const struct batv_state *state,
			  struct batv_memory *memory)
{
	size_t claims = 0;

	for (size_t i = 0; i < fleet->view.n_hosts; i++) {
		const struct batv_fleet_host *h = &fleet->view.hosts[i];

		if (h->own || h->left)
			continue;
		for (size_t j = 0; j < h->n_domains; j++)
			claim(&h->domains[j], state, memory, &claims);
	}
}

/* ---- batvctl observe --fleet ---- */

#define OBSERVE_HEAD "batvctl observe --fleet: "

/* Did batvd write that file, so that it may remove it? */
static bool is_ours(const struct batv_store *store)
{
	char *text = NULL;
	size_t len = 0;
	bool ours = batv_slurp(store->dirfd, BATV_OBSERVE_NAME, 4096, &text, &len) == BATV_OK &&
		    strncmp(text, OBSERVE_HEAD, strlen(OBSERVE_HEAD)) == 0;

	free(text);
	return ours;
}

/* The later word holds: that of this host counts even if no server of the fleet can be reached. */
const struct batv_fleet_host *batv_fleet_known_word(const struct batv_fleet_known *fleet)
{
	const struct batv_fleet_host *there = batv_fleet_view_observe(&fleet->view),
				     *own = &fleet->row.host;

	if (own->observe_counter && (!there || own->observe_counter > there->observe_counter))
		return own;
	return there;
}

static void follow_observe(struct batv_fleet_known *fleet, const struct batv_store *store)
{
	const struct batv_fleet_host *word = batv_fleet_known_word(fleet);
	const bool there = batv_state_observe_file(store->dirfd);
	char host[64], text[200];
	int n;

	if (!word || word->observe == there)
		return;
	if (!word->observe) {
		if (is_ours(store) && unlinkat(store->dirfd, BATV_OBSERVE_NAME, 0) == 0)
			(void)batv_replace_sync(store->dirfd);
		return;
	}
	batv_printable(batv_span_of(word->own ? "this host" : word->name), host, sizeof host);
	n = snprintf(text, sizeof text,
		     OBSERVE_HEAD "said on %s; batvctl observe --fleet --end ends it\n", host);
	if (batv_replace(store->dirfd, BATV_OBSERVE_NAME, BATV_FLEET_SAID_MODE, text, (size_t)n) !=
	    BATV_OK)
		(void)snprintf(fleet->trouble, sizeof fleet->trouble,
			       "%s/%s: cannot write it, so this server goes on refusing: %s",
			       store->path, BATV_OBSERVE_NAME, strerror(errno));
}

void batv_fleet_known_look(struct batv_fleet_known *fleet, const struct batv_store *store,
			   const struct batv_global *config, const struct batv_state *state,
			   const struct batv_secrets *secrets, struct batv_memory *memory,
			   int64_t now)
{
	const struct batv_fleet_row_facts facts = {.state = state,
						   .secrets = secrets,
						   .memory = memory,
						   .said = &fleet->said,
						   .now = now};
	const bool was_on = fleet->on;

	batv_fleet_known_read(fleet, store, config, now);
	if (!fleet->on) {
		if (was_on)
			(void)unlinkat(store->dirfd, BATV_FLEET_ROW_NAME, 0);
		return;
	}
	claim_domains(fleet, state, memory);
	if (!batv_fleet_row_update(&fleet->row, store, &facts))
		(void)snprintf(fleet->trouble, sizeof fleet->trouble, "%s/%s: cannot write it: %s",
			       store->path, BATV_FLEET_ROW_NAME, strerror(errno));
	follow_observe(fleet, store);
}

struct batv_arm batv_fleet_known_decide(const struct batv_fleet_known *fleet,
					const struct batv_state *state,
					const struct batv_domain *domain, int64_t now)
{
	const struct batv_fleet_facts facts = {
		.view = fleet->view.json ? &fleet->view : NULL,
		.own = &fleet->row.host,
		.state = state,
		.bare = batv_fleet_row_bare(&fleet->row, domain->name),
		.patience = fleet->patience,
		.now = now,
	};
	struct batv_arm arm = batv_fleet_arming_own(state, domain, now);

	if (fleet->on)
		batv_fleet_arming(&facts, domain, &arm);
	return arm;
}

void batv_fleet_known_free(struct batv_fleet_known *fleet)
{
	batv_fleet_view_free(&fleet->view);
	batv_fleet_row_free(&fleet->row);
	fleet->on = false;
	fleet->trouble[0] = '\0';
}
