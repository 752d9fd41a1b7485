#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/opt.h"
#include "lib/leg/ristkeys.h"

#define SECRET_ROOM	1024		/* of a line of a file */

/* ---- numbers */

enum unit { MS, KBPS, COUNT };

static const struct opt_unit units[][6] = {
	[MS] = { { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { NULL, 0 } },
	[KBPS] = { { "", 1 }, { "k", 1 }, { "M", 1000 }, { "G", 1000000 }, { NULL, 0 } },
	[COUNT] = { { "", 1 }, { NULL, 0 } },
};

#define LEAST_RTT_MS	5		/* librist looks at what is missing so often */

#define AT(field)	offsetof(struct rist_peer_config, field)
#define MAX_MS		60000
#define MAX_KBPS	10000000

static const struct key {
	const char *name;
	enum unit unit;
	size_t	 at, also;		/* both are set to it */
	uint32_t least, most;
} keys[] = {
	{ "bandwidth", KBPS, AT(recovery_maxbitrate), AT(recovery_maxbitrate), 1, MAX_KBPS },
	{ "buffer", MS, AT(recovery_length_min), AT(recovery_length_max), 10, MAX_MS },
	{ "buffer-max", MS, AT(recovery_length_max), AT(recovery_length_max), 10, MAX_MS },
	{ "buffer-min", MS, AT(recovery_length_min), AT(recovery_length_min), 10, MAX_MS },
	{ "keepalive-interval", MS, AT(keepalive_interval), AT(keepalive_interval), 10,
	    MAX_MS },
	{ "key-rotation", COUNT, AT(key_rotation), AT(key_rotation), 1, UINT32_MAX },
	{ "max-retries", COUNT, AT(max_retries), AT(max_retries), 2, 100 },
	{ "min-retries", COUNT, AT(min_retries), AT(min_retries), 2, 100 },
	{ "reorder-buffer", MS, AT(recovery_reorder_buffer), AT(recovery_reorder_buffer), 0,
	    MAX_MS },
	{ "return-bandwidth", KBPS, AT(recovery_maxbitrate_return),
	    AT(recovery_maxbitrate_return), 0, MAX_KBPS },
	{ "rtt", MS, AT(recovery_rtt_min), AT(recovery_rtt_max), 3, MAX_MS },
	{ "rtt-max", MS, AT(recovery_rtt_max), AT(recovery_rtt_max), 3, MAX_MS },
	{ "rtt-min", MS, AT(recovery_rtt_min), AT(recovery_rtt_min), 3, MAX_MS },
	{ "session-timeout", MS, AT(session_timeout), AT(session_timeout), 250, 3600000 },
};

/*
 * How long to wait, at least, between one request and the next.  What is missing is to be
 * asked for as often as it may be while the buffer lasts, and until its end: 50 ms, as
 * librist has it whatever the buffer, is twice in one of 120 ms.
 */
static uint32_t
rtt_for_buffer(const struct rist_peer_config *c)
{
	uint32_t ms = c->recovery_length_max / c->max_retries;

	ms = ms < LEAST_RTT_MS ? LEAST_RTT_MS : ms;
	ms = ms > RIST_DEFAULT_RECOVERY_RTT_MIN ? RIST_DEFAULT_RECOVERY_RTT_MIN : ms;
	return ms > c->recovery_rtt_max ? c->recovery_rtt_max : ms;
}

static int
get_numbers(struct rist_peer_config *c, struct url *url, char why[static UDP_WHY])
{
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct key *k = &keys[i];
		const char *text = url_get(url, k->name);
		uint64_t v = 0;
		uint32_t v32;

		if (text == NULL)
			continue;
		if (opt_scaled(text, units[k->unit], &v) < 0 || v < k->least || v > k->most) {
			snprintf(why, UDP_WHY, "%s '%.64s' is not from %u to %u%s", k->name, text,
			    k->least, k->most, k->unit == MS ? " ms" : k->unit == KBPS ?
			    " kbit/s" : "");
			return -EINVAL;
		}
		v32 = (uint32_t)v;
		memcpy((char *)c + k->at, &v32, sizeof(v32));
		memcpy((char *)c + k->also, &v32, sizeof(v32));
	}
	if (url_get(url, "rtt") == NULL && url_get(url, "rtt-min") == NULL)
		c->recovery_rtt_min = rtt_for_buffer(c);
	if (c->recovery_length_min > c->recovery_length_max ||
	    c->recovery_rtt_min > c->recovery_rtt_max ||
	    c->min_retries > c->max_retries) {
		snprintf(why, UDP_WHY, "of buffer, rtt or retries the min is more than the max");
		return -EINVAL;
	}
	return 0;
}

/* ---- words and texts */

/* *value stays as it is when the key is not there. */
static int
get_word(struct url *url, const char *key, const char *const *words, int *value,
    char why[static UDP_WHY])
{
	const char *text = url_get(url, key);

	if (text == NULL)
		return 0;
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0) {
			*value = i;
			return 0;
		}
	snprintf(why, UDP_WHY, "what is %s '%.64s'?", key, text);
	return -EINVAL;
}

static int
get_text(struct url *url, const char *key, char *to, size_t size,
    char why[static UDP_WHY])
{
	const char *text = url_get(url, key);

	if (text == NULL)
		return 0;
	if (*text == '\0' || strlen(text) >= size) {
		snprintf(why, UDP_WHY, "%s has to have from 1 to %zu letters", key, size - 1);
		return -EINVAL;
	}
	snprintf(to, size, "%s", text);
	return 0;
}

static int
get_words(struct ristkeys *k, struct url *url, char why[static UDP_WHY])
{
	static const char *const profiles[] = { "simple", "main", NULL };
	static const char *const controls[] = { "off", "normal", "aggressive", NULL };
	static const char *const timings[] = { "source", "arrival", "rtc", NULL };
	static const char *const nacks[] = { "range", "bitmask", NULL };
	static const struct opt_unit one[] = { { "", 1 }, { NULL, 0 } };
	int profile = RIST_PROFILE_MAIN, control = RIST_CONGESTION_CONTROL_MODE_NORMAL;
	int timing = RIST_TIMING_MODE_SOURCE, nack = RIST_NACK_RANGE, r;
	const char *port = url_get(url, "virt-dst-port");
	uint64_t v = RIST_DEFAULT_VIRT_DST_PORT;

	if ((r = get_word(url, "profile", profiles, &profile, why)) < 0 ||
	    (r = get_word(url, "congestion-control", controls, &control, why)) < 0 ||
	    (r = get_word(url, "timing-mode", timings, &timing, why)) < 0 ||
	    (r = get_word(url, "nacks", nacks, &nack, why)) < 0 ||
	    (r = get_text(url, "cname", k->peer.cname, sizeof(k->peer.cname), why)) < 0 ||
	    (r = get_text(url, "iface", k->peer.miface, sizeof(k->peer.miface), why)) < 0)
		return r;
	if (port != NULL && (opt_scaled(port, one, &v) < 0 || v == 0 || v > 65534)) {
		snprintf(why, UDP_WHY, "virt-dst-port '%.64s' is no port", port);
		return -EINVAL;
	}
	k->profile = (enum rist_profile)profile;
	k->peer.congestion_control_mode = (enum rist_congestion_control_mode)control;
	k->peer.timing_mode = (uint32_t)timing;
	k->peer.virt_dst_port = (uint16_t)v;
	k->nacks = (enum rist_nack_type)nack;
	return 0;
}

/* ---- secrets */

/* The first line of a file. */
static int
read_line(const char *path, char *line, char why[static UDP_WHY])
{
	FILE *f = fopen(path, "re");
	int err = errno;

	if (f == NULL) {
		snprintf(why, UDP_WHY, "cannot open '%.128s'", path);
		return -err;
	}
	setvbuf(f, NULL, _IONBF, 0);		/* no other copy of it in memory */
	if (fgets(line, SECRET_ROOM, f) == NULL)
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	if (*line != '\0')
		return 0;
	snprintf(why, UDP_WHY, "there is nothing in '%.128s'", path);
	return -EINVAL;
}

static int
keep(char *to, size_t size, const char *line, const char *path, char why[static UDP_WHY])
{
	if (*line == '\0' || strlen(line) >= size) {
		snprintf(why, UDP_WHY, "what is in '%.128s' is not of 1 to %zu letters", path,
		    size - 1);
		return -EINVAL;
	}
	memcpy(to, line, strlen(line) + 1);
	return 0;
}

/* "user:password", for who calls. */
static int
get_login(struct rist_peer_config *c, const char *path, char *line,
    char why[static UDP_WHY])
{
	char *colon;
	int r = read_line(path, line, why);

	if (r < 0)
		return r;
	if ((colon = strchr(line, ':')) == NULL) {
		snprintf(why, UDP_WHY, "there is no 'user:password' in '%.128s'", path);
		return -EINVAL;
	}
	*colon++ = '\0';
	if ((r = keep(c->srp_username, sizeof(c->srp_username), line, path, why)) < 0)
		return r;
	return keep(c->srp_password, sizeof(c->srp_password), colon, path, why);
}

static int
get_secret(struct rist_peer_config *c, struct url *url, char *line,
    char why[static UDP_WHY])
{
	static const char *const sizes[] = { "128", "256", NULL };
	const char *path = url_get(url, "secret-file");
	int size = 0, r;

	if ((r = get_word(url, "aes-type", sizes, &size, why)) < 0)
		return r;
	if (path == NULL) {
		snprintf(why, UDP_WHY, "a key of AES needs secret-file");
		return url_get(url, "aes-type") != NULL || url_get(url, "key-rotation") != NULL ?
		    -EINVAL : 0;
	}
	c->key_size = size == 1 ? 256 : 128;
	if ((r = read_line(path, line, why)) < 0)
		return r;
	return keep(c->secret, sizeof(c->secret), line, path, why);
}

static int
get_secrets(struct ristkeys *k, struct url *url, char why[static UDP_WHY])
{
	const char *login = url_get(url, "login-file");
	char line[SECRET_ROOM] = "";
	int r = get_secret(&k->peer, url, line, why);

	if (r == 0 && login != NULL)
		r = get_login(&k->peer, login, line, why);
	if (r == 0)
		r = get_text(url, "users-file", k->users, sizeof(k->users), why);
	if (r == 0 && *k->users != '\0')	/* read anew at each login */
		r = read_line(k->users, line, why);
	explicit_bzero(line, sizeof(line));
	return r;
}

/* ---- where */

static int
set_address(struct ristkeys *k, const struct url *url, char why[static UDP_WHY])
{
	const char *host = *url->host != '\0' ? url->host : "0.0.0.0";
	bool v6 = strchr(host, ':') != NULL;

	if (url->port == 0) {
		snprintf(why, UDP_WHY, "it has no port");
		return -EINVAL;
	}
	if (*url->path != '\0' && strcmp(url->path, "/") != 0) {
		snprintf(why, UDP_WHY, "what is '%.64s'?", url->path);
		return -EINVAL;
	}
	if (*url->user != '\0') {
		snprintf(why, UDP_WHY, "who we are stands in a file: login-file=");
		return -EINVAL;
	}
	if (*url->host == '\0' && !url->has_at) {
		snprintf(why, UDP_WHY, "it has no host; what is called is rist://@:%u",
		    url->port);
		return -EINVAL;
	}
	k->listening = url->has_at;
	if ((size_t)snprintf(k->peer.address, sizeof(k->peer.address) - 8,
	    v6 ? "rist://%s[%s]:%u" : "rist://%s%s:%u", k->listening ? "@" : "", host,
	    url->port) < sizeof(k->peer.address) - 8)
		return 0;
	snprintf(why, UDP_WHY, "its host is too long");
	return -EINVAL;
}

static int
check(const struct ristkeys *k, const struct url *url, bool input,
    char why[static UDP_WHY])
{
	bool simple = k->profile == RIST_PROFILE_SIMPLE;
	const char *wrong = NULL;

	if (simple && (url->port % 2 != 0))
		wrong = "the simple profile has its RTP on an even port";
	else if (simple && k->listening != input)
		wrong = input ? "in the simple profile the receiver is called: rist://@..." :
		    "in the simple profile the sender calls: rist://host:port";
	else if (simple && (k->peer.key_size != 0 || *k->users != '\0' ||
	    *k->peer.srp_username != '\0'))
		wrong = "the simple profile has no secrets";
	else if (k->listening && *k->peer.srp_username != '\0')
		wrong = "login-file is for who calls, users-file for who is called";
	else if (!k->listening && *k->users != '\0')
		wrong = "users-file is for who is called, login-file for who calls";
	if (wrong == NULL)
		return 0;
	snprintf(why, UDP_WHY, "%s", wrong);
	return -EINVAL;
}

int
ristkeys_get(struct ristkeys *k, struct url *url, bool input, char why[static UDP_WHY])
{
	int r;

	*k = (struct ristkeys){ .profile = RIST_PROFILE_MAIN };
	rist_peer_config_defaults_set(&k->peer);
	k->peer.session_timeout = RIST_DEFAULT_SESSION_TIMEOUT;
	k->peer.keepalive_interval = RIST_DEFAULT_KEEPALIVE_INTERVAL;
	if ((r = set_address(k, url, why)) < 0 ||
	    (r = get_words(k, url, why)) < 0 ||
	    (r = get_numbers(&k->peer, url, why)) < 0 ||
	    (r = get_secrets(k, url, why)) < 0 ||
	    (r = check(k, url, input, why)) < 0)
		ristkeys_clear(k);
	return r;
}

void
ristkeys_clear(struct ristkeys *k)
{
	explicit_bzero(k, sizeof(*k));
}
