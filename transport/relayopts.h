/*
 * relayopts.h - what mconnect-relay was asked for, by its command line and the file of
 * --config together.
 *
 * Memory   What options point to is never freed.
 * Errors   Ends with EXIT_USAGE or EXIT_RUNTIME, and says why.
 */
#ifndef RELAYOPTS_H
#define RELAYOPTS_H

#include "transport/relay.h"

struct relay_options {
	const char *config, *control_path, *stats, *web_listen, *record, *replay;
	int64_t	 record_every_ns;
	struct flow_config flow;
	struct checkup_conditions conditions;
	bool	 failover;
	const char *bare;		/* an input of a kind that never has RTP */
	const char *only_failover;	/* an option that is for it was given */
	/* Of the command line: those of the file may change. */
	const char *input[FLOW_LEGS], *output[RELAY_OUTPUTS];
	unsigned ninput, noutput;
};

/* Is that a line of a configuration? */
bool relay_is_option(const char *word, const char *value);

void relay_options(struct relay_options *o, int argc, char *argv[]);

#endif
