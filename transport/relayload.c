#include <errno.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/base/url.h"
#include "lib/leg/address.h"
#include "transport/relaychange.h"
#include "transport/relayconf.h"
#include "transport/relayload.h"
#include "transport/relayopts.h"

static void
tell_line(const struct relayload *l, int err, const char *value, unsigned line,
    const char *why)
{
	bool ours = err == -EINVAL || err == -EEXIST;

	if (!l->started)
		fatal(ours ? EXIT_USAGE : EXIT_RUNTIME, address_errno(err, why),
		    "'%s', line %u: '%s': %s", l->path, line, value, why);
	log_warn(address_errno(err, why), "'%s', line %u: '%s': %s", l->path, line, value,
	    why);
}

/* Which of those that are there stay? */
static int
mark_line(void *arg, const char *word, const char *value, unsigned line)
{
	struct relayload *l = arg;
	struct relay *r = l->relay;
	int n;

	(void)line;
	if (strcmp(word, "input") == 0 && (n = relay_find_leg(r, value)) >= 0)
		r->leg_seen[n] = true;
	else if (strcmp(word, "output") == 0 && (n = relay_find_output(r, value)) >= 0)
		r->output[n]->seen = true;
	return 0;
}

/* And which have another address?  When that is wrong they stay as they are. */
static int
change_line(void *arg, const char *word, const char *value, unsigned line)
{
	struct relayload *l = arg;
	struct relay *r = l->relay;
	char why[UDP_WHY];
	int n, err;

	if (strcmp(word, "output") != 0 || relay_find_output(r, value) >= 0 ||
	    (n = relaychange_find(r, value)) < 0)
		return 0;
	r->output[n]->seen = true;
	if ((err = relaychange(r, (unsigned)n, value, why)) < 0) {
		r->output[n]->wrong_line = line;
		tell_line(l, err, value, line, why);
	}
	return 0;
}

/* A port may be held by one of those that go until that has ended. */
static void
tell_or_wait(struct relayload *l, int err, const char *value, unsigned line, const char *why)
{
	if (err == -EADDRINUSE && relay_is_leaving(l->relay))
		l->again = true;
	else
		tell_line(l, err, value, line, why);
}

static int
add_input(void *arg, const char *word, const char *value, unsigned line)
{
	struct relayload *l = arg;
	char why[UDP_WHY];
	int err;

	if (strcmp(word, "input") == 0 && relay_find_leg(l->relay, value) < 0 &&
	    (err = relay_add_leg(l->relay, value, true, NULL, why)) < 0)
		tell_or_wait(l, err, value, line, why);
	return 0;
}

/* It was for one that could not be changed, and that was told. */
static bool
is_told(const struct relay *r, unsigned line)
{
	for (unsigned i = 0; i < r->noutput; i++)
		if (r->output[i]->wrong_line == line)
			return true;
	return false;
}

static int
add_output(void *arg, const char *word, const char *value, unsigned line)
{
	struct relayload *l = arg;
	char why[UDP_WHY];
	int err;

	if (strcmp(word, "output") == 0 && relay_find_output(l->relay, value) < 0 &&
	    !is_told(l->relay, line) &&
	    (err = relay_add_output(l->relay, value, true, NULL, why)) < 0)
		tell_or_wait(l, err, value, line, why);
	return 0;
}

void
relayload_inputs(struct relayload *l)
{
	if (l->path != NULL)
		relayconf_read(l->path, add_input, l);
}

void
relayload_outputs(struct relayload *l)
{
	if (l->path != NULL)
		relayconf_read(l->path, add_output, l);
}

/* Before anything is changed by it. */
static int
check_line(void *arg, const char *word, const char *value, unsigned line)
{
	struct relayload *l = arg;

	if (relay_is_option(word, value))
		return 0;
	log_warn(0, "'%s', line %u: '%s%s%s' is no option: nothing is changed",
	    l->path, line, word, *value != '\0' ? " " : "", value);
	return -EINVAL;
}

static int
load_new(struct relayload *l)
{
	int err = relayconf_read(l->path, add_input, l);

	return err < 0 ? err : relayconf_read(l->path, add_output, l);
}

/*
 * Those that stay are not touched; those that are not in it any more go, and then what
 * is new may have their ports and names.
 */
static void
load(struct relayload *l)
{
	struct relay *r = l->relay;
	int err = relayconf_read(l->path, check_line, l);

	if (err == -EINVAL)			/* that was said */
		return;
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		r->leg_seen[i] = false;
	for (unsigned i = 0; i < r->noutput; i++) {
		r->output[i]->seen = false;
		r->output[i]->wrong_line = 0;
	}
	if (err < 0 || (err = relayconf_read(l->path, mark_line, l)) < 0) {
		log_warn(-err, "cannot read '%s': nothing is changed", l->path);
		return;
	}
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && r->leg_from_config[i] && !r->leg_seen[i])
			relay_remove_leg(r, i);
	err = relayconf_read(l->path, change_line, l);
	for (unsigned i = r->noutput; err == 0 && i-- > 0;)
		if (r->output[i]->from_config && !r->output[i]->seen)
			relay_remove_output(r, i);
	if (err < 0 || (err = load_new(l)) < 0)
		log_warn(-err, "cannot read '%s'", l->path);
}

void
relayload_again(struct relayload *l)
{
	char why[UDP_WHY];

	if (l->path != NULL)
		load(l);
	if (relay_reload_grants(l->relay, why) < 0)
		log_warn(0, "not all grants could be read again: %s", why);
}

void
relayload_turn(struct relayload *l)
{
	if (!l->again || relay_is_leaving(l->relay))
		return;
	l->again = false;
	load_new(l);
}
