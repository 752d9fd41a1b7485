/*
 * probe.h - what the parts of mconnect-probe share: the input, what is known of it, and
 * the ways to show that.
 *
 * Units    ns on CLOCK_MONOTONIC, or of the stream's own clock where it says stream.
 * Memory   Owned by main(); everything else borrows.
 * Errors   What cannot go on ends the tool by fatal().
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/hist.h"
#include "lib/base/stats.h"
#include "lib/base/url.h"
#include "lib/media/tshealth.h"
#include "lib/net/tsudp.h"
#include "transport/expr.h"
#include "lib/media/watch.h"

#define RECENT		8		/* events that the screen remembers */
#define RECENT_TEXT	96

/* ---- probein.c */

struct probe_input {
	const char *name;		/* as it was given */
	int	 fd;
	bool	 live;			/* a pipe or the network: it comes when it comes */
	struct tsudp *udp;		/* or NULL */
	struct hist iat;		/* ns between datagrams, or reads of a pipe */
	int64_t	 last_ns;
	const uint8_t *data;		/* what was read */
	size_t	 len;
	int64_t	 arrival_ns;
	uint8_t	*buf;
};

enum { INPUT_NOTHING, INPUT_BYTES, INPUT_GAP, INPUT_END };

void input_open(struct probe_input *in, const char *name, struct url *url);
int input_read(struct probe_input *in, int64_t deadline_ns);
void input_close(struct probe_input *in);

/* ---- the tool */

struct probe {
	struct probe_input in;
	struct health *health;
	struct watch *watch;		/* with --decode, else NULL */
	int64_t	 start_ns, drawn_ns;
	int64_t	 window_ns;		/* it ends then, on the clock in use */
	int64_t	 no_data_ns;		/* silence that is one */
	bool	 connected;		/* data come */
	uint64_t disconnections;
	uint64_t cues, cue_errors;
	bool	 last;			/* the line to write is the summary */

	/* where it goes */
	struct stats stats;		/* fd -1: none */
	bool	 json_out, screen, pass;
	unsigned told[HEALTH_RULES];	/* events since the last line */
	uint64_t suppressed;
	unsigned nrecent;
	char	 recent[RECENT][RECENT_TEXT];
};

/* ---- measures.c: every number that has a name */

/* By place; NULL behind the last. */
const char *measure_name(int i);
int measure_find(const char *name);			/* -1: there is none */
struct expr_value measure_value(void *probe, int i);	/* thousandths */
void measure_near(const char *name, char *out, size_t size);	/* for messages */
json_t *measure_json(struct expr_value v);

/* ---- report.c: lines of JSON */

void report_event(struct probe *p, const struct health_event *ev);
void report_named(struct probe *p, const char *name, const char *state, int64_t stream_ns,
    int pid, const char *detail, json_t *more);		/* takes more; pid -1: none */
void report_cue(struct probe *p, uint16_t pid, const uint8_t *section, size_t len,
    bool damaged);
void report_window(struct probe *p);

/* ---- screen.c */

void screen_begin(void);
void screen_draw(struct probe *p);
void screen_end(void);
void screen_print(struct probe *p);	/* the last state, to stay */

#endif
