/*
 * relayload.h - the inputs and outputs of mconnect-relay that are in its configuration
 * (relayconf.h), at the start and when it has changed.
 *
 * Memory   Borrows all.
 * Threads  One.
 * Errors   At the start what is wrong ends the process; later it is a warning.
 */
#ifndef RELAYLOAD_H
#define RELAYLOAD_H

#include <stdbool.h>

#include "transport/relay.h"

struct relayload {
	struct relay *relay;
	const char *path;		/* or NULL */
	bool	 started;		/* what is wrong now does not end it */
	bool	 again;			/* a port was still in use */
};

/* No output is begun before all inputs are known: it could be one of them. */
void relayload_inputs(struct relayload *l);
void relayload_outputs(struct relayload *l);

/* Read it again, and the files of grants. */
void relayload_again(struct relayload *l);

/* What could not be had before those that went had ended. */
void relayload_turn(struct relayload *l);

#endif
