#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/base/why.h"
#include "lib/leg/srtopts.h"

enum kind { FLAG, NUMBER, MS, SIZE, SPEED, VERSION_NUMBER };

/* The order counts: libsrt checks some of them by those before. */
static const struct key {
	const char *name;
	SRT_SOCKOPT opt;
	enum kind kind;
	int64_t lo, hi;
} keys[] = {
	{ "mss", SRTO_MSS, NUMBER, 116, 65507 },
	{ "fc", SRTO_FC, NUMBER, 32, 1 << 24 },
	{ "sndbuf", SRTO_SNDBUF, SIZE, 65536, 1 << 30 },
	{ "rcvbuf", SRTO_RCVBUF, SIZE, 65536, 1 << 30 },
	{ "latency", SRTO_LATENCY, MS, 0, 60000 },
	{ "rcvlatency", SRTO_RCVLATENCY, MS, 0, 60000 },
	{ "peerlatency", SRTO_PEERLATENCY, MS, 0, 60000 },
	{ "pbkeylen", SRTO_PBKEYLEN, NUMBER, 16, 32 },
	{ "enforcedencryption", SRTO_ENFORCEDENCRYPTION, FLAG, 0, 1 },
	{ "kmrefreshrate", SRTO_KMREFRESHRATE, NUMBER, 0, INT32_MAX },
	{ "kmpreannounce", SRTO_KMPREANNOUNCE, NUMBER, 0, INT32_MAX },
	{ "maxbw", SRTO_MAXBW, SPEED, -1, INT64_MAX },
	{ "inputbw", SRTO_INPUTBW, SPEED, 0, INT64_MAX },
	{ "mininputbw", SRTO_MININPUTBW, SPEED, 0, INT64_MAX },
	{ "oheadbw", SRTO_OHEADBW, NUMBER, 5, 100 },
	{ "lossmaxttl", SRTO_LOSSMAXTTL, NUMBER, 0, 100000 },
	{ "tlpktdrop", SRTO_TLPKTDROP, FLAG, 0, 1 },
	{ "snddropdelay", SRTO_SNDDROPDELAY, MS, -1, 60000 },
	{ "nakreport", SRTO_NAKREPORT, FLAG, 0, 1 },
	{ "retransmitalgo", SRTO_RETRANSMITALGO, NUMBER, 0, 1 },
	{ "drifttracer", SRTO_DRIFTTRACER, FLAG, 0, 1 },
	{ "peeridletimeo", SRTO_PEERIDLETIMEO, MS, 100, 600000 },
	{ "conntimeo", SRTO_CONNTIMEO, MS, 100, 600000 },
	{ "payloadsize", SRTO_PAYLOADSIZE, NUMBER, 188, 1456 },
	{ "ipttl", SRTO_IPTTL, NUMBER, 1, 255 },
	{ "iptos", SRTO_IPTOS, NUMBER, 0, 255 },
	{ "ipv6only", SRTO_IPV6ONLY, FLAG, 0, 1 },
	{ "minversion", SRTO_MINVERSION, VERSION_NUMBER, 0, 0xffffff },
};

/* ---- values */

static bool
read_flag(const char *text, int64_t *v)
{
	static const char *const yes[] = { "1", "yes", "on", "true" },
	    *const no[] = { "0", "no", "off", "false" };

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*v = strcmp(text, yes[i]) == 0;
			return true;
		}
	return false;
}

/* 1.3.0 is 0x010300 */
static bool
read_version(const char *text, int64_t *v)
{
	unsigned part[3] = { 0 }, n = 0;

	for (; n < 3 && isdigit((unsigned char)*text); n++) {
		while (isdigit((unsigned char)*text) && part[n] < 256)
			part[n] = part[n] * 10 + (unsigned)(*text++ - '0');
		if (part[n] > 255)
			return false;
		if (*text != '.')
			break;
		text++;
	}
	*v = (int64_t)part[0] << 16 | part[1] << 8 | part[2];
	return *text == '\0' && n == 2;
}

/* 0xb8, as ip(8) has it. */
static bool
read_hex(const char *text, int64_t *v)
{
	char *end;

	if (strncmp(text, "0x", 2) != 0 || strlen(text) > 6 ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != strlen(text + 2))
		return false;
	*v = (int64_t)strtoul(text, &end, 16);
	return text[2] != '\0' && *end == '\0';
}

static bool
read_scaled(const char *text, const struct opt_unit *units, int64_t *v)
{
	uint64_t u;

	if (opt_scaled(text, units, &u) < 0 || u > INT64_MAX)
		return false;
	*v = (int64_t)u;
	return true;
}

static bool
read_value(const struct key *k, const char *text, int64_t *v)
{
	static const struct opt_unit plain[] = { { "", 1 }, { NULL, 0 } },
	    ms[] = { { "", 1 }, { "ms", 1 }, { "s", 1000 }, { NULL, 0 } },
	    size[] = { { "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "Ki", 1 << 10 },
	        { "Mi", 1 << 20 }, { NULL, 0 } },
	    speed[] = { { "k", 125 }, { "M", 125000 }, { "G", 125000000 }, { "", 1 },
	        { NULL, 0 } };

	if (k->lo == -1 && strcmp(text, "-1") == 0) {
		*v = -1;
		return true;
	}
	switch (k->kind) {
	case FLAG:
		return read_flag(text, v);
	case MS:
		return read_scaled(text, ms, v);
	case SIZE:
		return read_scaled(text, size, v);
	case SPEED:
		return read_scaled(text, speed, v);
	case VERSION_NUMBER:
		return read_version(text, v);
	default:
		return read_hex(text, v) || read_scaled(text, plain, v);
	}
}

static int
size_of(enum kind kind)
{
	return kind == FLAG ? (int)sizeof(bool) : kind == SPEED ? 8 : 4;
}

static void
set_number(struct srtopts *o, SRT_SOCKOPT opt, int size, int64_t value)
{
	if (o->nset < SRTOPTS_SET)
		o->set[o->nset++] = (struct srtopts_set){ opt, size, value };
}

static int
parse_keys(struct srtopts *o, struct url *url, char why[static UDP_WHY])
{
	static const char *const what[] = {
		[FLAG] = "yes or no", [NUMBER] = "a number that it can have",
		[MS] = "a time such as 200ms that it can have",
		[SIZE] = "a size such as 8Mi that it can have",
		[SPEED] = "a rate such as 20M that it can have",
		[VERSION_NUMBER] = "a version such as 1.3.0",
	};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct key *k = &keys[i];
		const char *text = url_get(url, k->name);
		int64_t v;

		if (text == NULL)
			continue;
		if (!read_value(k, text, &v) || v < k->lo || v > k->hi ||
		    (k->opt == SRTO_PBKEYLEN && v % 8 != 0))
			return why_wrong(why,
			    "%s '%.64s' is not %s", k->name, text, what[k->kind]);
		set_number(o, k->opt, size_of(k->kind), v);
	}
	return 0;
}

/* ---- texts, and the secret */

static int
parse_text(struct url *url, const char *key, char *to, char why[static UDP_WHY])
{
	const char *text = url_get(url, key);

	if (text != NULL && strlen(text) > SRTOPTS_TEXT)
		return why_wrong(why, "%s is longer than %d", key, SRTOPTS_TEXT);
	if (text != NULL)
		memcpy(to, text, strlen(text) + 1);
	return 0;
}

static int
read_secret(struct srtopts *o, const char *path, char why[static UDP_WHY])
{
	FILE *f = fopen(path, "re");
	char line[SRTOPTS_SECRET + 8] = "";
	size_t len;

	if (f == NULL) {
		int r = -errno;

		why_wrong(why, "cannot open '%.128s'", path);
		return r;
	}
	setvbuf(f, NULL, _IONBF, 0);		/* no copy of it stays behind */
	if (fgets(line, sizeof(line), f) == NULL)
		*line = '\0';
	fclose(f);
	len = strcspn(line, "\r\n");
	line[len] = '\0';
	memcpy(o->secret, line, len < SRTOPTS_SECRET ? len + 1 : 1);
	explicit_bzero(line, sizeof(line));
	if (len < 10 || len > 79)
		return why_wrong(why,
		    "the first line of '%.128s' is no passphrase of 10 to 79 "
		    "characters", path);
	return 0;
}

static int
parse_texts(struct srtopts *o, struct url *url, char why[static UDP_WHY])
{
	const char *text;
	int r;

	if (url_get(url, "passphrase") != NULL)
		return why_wrong(why,
		    "a passphrase here is seen by all: say passphrase-file=");
	if ((text = url_get(url, "passphrase-file")) != NULL &&
	    (r = read_secret(o, text, why)) < 0)
		return r;
	if ((r = parse_text(url, "streamid", o->streamid, why)) < 0 ||
	    (r = parse_text(url, "packetfilter", o->filter, why)) < 0)
		return r;
	o->linger_s = -1;
	if ((text = url_get(url, "linger")) != NULL) {
		static const struct opt_unit units[] = { { "", 1 }, { "s", 1 }, { NULL, 0 } };
		uint64_t v;

		if (opt_scaled(text, units, &v) < 0 || v > 180)
			return why_wrong(why,
			    "linger '%.64s' is not a time up to 180s", text);
		o->linger_s = (int)v;
	}
	if ((text = url_get(url, "grants-file")) != NULL) {
		if (o->mode != SRTOPTS_LISTENER)
			return why_wrong(why, "grants-file is for a listener");
		if (o->secret[0] != '\0')
			return why_wrong(why, "each grant has a passphrase of its own: "
			    "no passphrase-file");
		if (strlen(text) >= sizeof(o->grants) || *text == '\0')
			return why_wrong(why, "grants-file '%.64s' is no path", text);
		memcpy(o->grants, text, strlen(text) + 1);
	}
	return 0;
}

/* Who says how to encrypt, and with what not, would send in clear. */
static int
check_secret(const struct srtopts *o, struct url *url, char why[static UDP_WHY])
{
	static const char *const needs[] = {
		"pbkeylen", "kmrefreshrate", "kmpreannounce", "enforcedencryption",
	};

	if (o->secret[0] != '\0' || o->grants[0] != '\0')
		return 0;
	for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		const char *text = url_get(url, needs[i]);
		bool yes = true;
		int64_t v;

		if (text != NULL && i == 3)
			yes = read_flag(text, &v) && v != 0;
		if (text != NULL && yes)
			return why_wrong(why, "%s needs a passphrase-file", needs[i]);
	}
	return 0;
}

/* ---- addresses */

/* bind=[address][:port], or adapter=address: where to send from. */
static int
parse_local(struct srtopts *o, struct url *url, char why[static UDP_WHY])
{
	const char *bind = url_get(url, "bind"), *adapter = url_get(url, "adapter");
	char host[128] = "";
	uint16_t port = o->mode == SRTOPTS_RENDEZVOUS ? url->port : 0;
	int r;

	if (bind == NULL && adapter == NULL && o->mode != SRTOPTS_RENDEZVOUS)
		return 0;
	if (bind != NULL && adapter != NULL)
		return why_wrong(why, "bind and adapter are the same");
	bind = bind == NULL ? adapter : bind;
	if (bind != NULL && url_parse_listen(bind, host, sizeof(host), &port) < 0) {
		if (strlen(bind) >= sizeof(host) || strchr(bind, '[') != NULL)
			return why_wrong(why, "bind '%.64s' is no address", bind);
		memcpy(host, bind, strlen(bind) + 1);
	}
	r = udp_resolve(host, port, o->peer.ss_family, &o->local, &o->local_len, why);
	o->has_local = r == 0;
	return r;
}

static int
parse_mode(struct srtopts *o, struct url *url, char why[static UDP_WHY])
{
	static const char *const names[] = {
		[SRTOPTS_CALLER] = "caller", [SRTOPTS_LISTENER] = "listener",
		[SRTOPTS_RENDEZVOUS] = "rendezvous",
	};
	const char *text = url_get(url, "mode");

	o->mode = *url->host == '\0' ? SRTOPTS_LISTENER : SRTOPTS_CALLER;
	for (unsigned i = 0; text != NULL; i++) {
		if (i == 3)
			return why_wrong(why,
			    "mode '%.32s' is not caller, listener or rendezvous",
			    text);
		if (strcmp(text, names[i]) == 0) {
			o->mode = (enum srtopts_mode)i;
			break;
		}
	}
	if (url->port == 0)
		return why_wrong(why, "it has no port");
	if (*url->path != '\0' && strcmp(url->path, "/") != 0)
		return why_wrong(why, "what is '%.64s'?", url->path);
	if (url->has_at)
		return why_wrong(why, "there is no user in an address of SRT");
	if (*url->host == '\0' && o->mode != SRTOPTS_LISTENER)
		return why_wrong(why, "it has no host");
	return 0;
}

int
srtopts_parse(struct srtopts *o, struct url *url, char why[static UDP_WHY])
{
	int r;

	*o = (struct srtopts){ .nset = 0 };
	if ((r = parse_mode(o, url, why)) < 0)
		return r;
	if (o->mode == SRTOPTS_LISTENER) {
		r = udp_resolve(url->host, url->port, *url->host == '\0' ? AF_INET : AF_UNSPEC,
		    &o->local, &o->local_len, why);
		o->has_local = true;
	} else {
		r = udp_resolve(url->host, url->port, AF_UNSPEC, &o->peer, &o->peer_len, why);
		o->has_peer = true;
		if (r == 0)
			r = parse_local(o, url, why);
	}
	if (r < 0 || (r = parse_keys(o, url, why)) < 0)
		return r;
	if ((r = parse_texts(o, url, why)) < 0)
		return r;
	return check_secret(o, url, why);
}

void
srtopts_clear(struct srtopts *o)
{
	explicit_bzero(o->secret, sizeof(o->secret));
}

int64_t
srtopts_value(const struct srtopts *o, SRT_SOCKOPT opt, int64_t without)
{
	for (unsigned i = 0; i < o->nset; i++)
		if (o->set[i].opt == opt)
			return o->set[i].value;
	return without;
}

/* ---- to a socket */

static const char *
name_of(SRT_SOCKOPT opt)
{
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].opt == opt)
			return keys[i].name;
	return "an option";
}

static int
set_one(SRTSOCKET sock, const struct srtopts_set *s)
{
	bool flag = s->value != 0;
	int32_t narrow = (int32_t)s->value;

	if (s->size == 8)
		return srt_setsockflag(sock, s->opt, &s->value, 8);
	if (s->size == 4)
		return srt_setsockflag(sock, s->opt, &narrow, 4);
	return srt_setsockflag(sock, s->opt, &flag, sizeof(flag));
}

int
srtopts_apply(const struct srtopts *o, SRTSOCKET sock, char why[static UDP_WHY])
{
	const struct linger linger = { .l_onoff = o->linger_s > 0,
	    .l_linger = o->linger_s > 0 ? o->linger_s : 0 };

	for (unsigned i = 0; i < o->nset; i++)
		if (set_one(sock, &o->set[i]) < 0)
			return why_wrong(why, "libsrt does not take this %s: %s",
			    name_of(o->set[i].opt), srt_getlasterror_str());
	if (o->secret[0] != '\0' && srt_setsockflag(sock, SRTO_PASSPHRASE, o->secret,
	    (int)strlen(o->secret)) < 0)
		return why_wrong(why, "libsrt does not take this passphrase: %s",
		    srt_getlasterror_str());
	if (o->streamid[0] != '\0' && srt_setsockflag(sock, SRTO_STREAMID, o->streamid,
	    (int)strlen(o->streamid)) < 0)
		return why_wrong(why, "libsrt does not take this streamid: %s",
		    srt_getlasterror_str());
	if (o->filter[0] != '\0' && srt_setsockflag(sock, SRTO_PACKETFILTER, o->filter,
	    (int)strlen(o->filter)) < 0)
		return why_wrong(why, "libsrt does not take this packetfilter: %s",
		    srt_getlasterror_str());
	if (o->linger_s >= 0)
		srt_setsockflag(sock, SRTO_LINGER, &linger, sizeof(linger));
	return 0;
}
