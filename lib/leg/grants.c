#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/why.h"
#include "lib/leg/grants.h"
#include "lib/leg/streamid.h"

#define V4_BITS		96		/* of ::ffff:0:0, before those of IPv4 */

/* ---- addresses */

static void
map_v4(uint8_t out[static 16], const void *in)
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, in, 4);
}

int
grants_parse_net(const char *text, struct grants_net *net)
{
	char host[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	struct in_addr v4;
	bool is_v4;
	unsigned long bits;
	char *end;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	is_v4 = inet_pton(AF_INET, host, &v4) == 1;
	if (is_v4)
		map_v4(net->addr, &v4);
	else if (inet_pton(AF_INET6, host, net->addr) != 1)
		return -EINVAL;
	net->bits = 128;
	if (text[len] == '\0')
		return 0;
	bits = strtoul(text + len + 1, &end, 10);
	if (!isdigit((unsigned char)text[len + 1]) || *end != '\0' || bits > (is_v4 ? 32 : 128))
		return -EINVAL;
	net->bits = (unsigned)bits + (is_v4 ? V4_BITS : 0);
	return 0;
}

static bool
in_net(const struct grants_net *net, const uint8_t addr[static 16])
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	return memcmp(net->addr, addr, whole) == 0 &&
	    (rest == 0 || (net->addr[whole] ^ addr[whole]) >> (8 - rest) == 0);
}

bool
grants_from(const struct grant *e, const struct sockaddr *peer)
{
	uint8_t addr[16];

	if (peer->sa_family == AF_INET)
		map_v4(addr, &((const struct sockaddr_in *)(const void *)peer)->sin_addr);
	else if (peer->sa_family == AF_INET6)
		memcpy(addr, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
	else
		return e->nnet == 0;
	for (unsigned i = 0; i < e->nnet; i++)
		if (in_net(&e->net[i], addr))
			return true;
	return e->nnet == 0;
}

bool
grants_now(const struct grant *e, int64_t utc_ns)
{
	return !e->revoked && utc_ns < e->expires_ns;
}

/* ---- an entry */

static int
copy_text(const json_t *o, const char *key, char *to, size_t most, char why[static GRANTS_WHY])
{
	const json_t *value = json_object_get(o, key);
	const char *text = json_string_value(value);

	if (value == NULL)
		return 0;
	if (text == NULL || *text == '\0' || strlen(text) > most)
		return why_wrong(why,
		    "%s is no text of 1 to %zu characters", key, most);
	memcpy(to, text, strlen(text) + 1);
	return 1;
}

static int
parse_nets(const json_t *list, struct grant *e, char why[static GRANTS_WHY])
{
	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > GRANTS_NETS ||
	    json_array_size(list) == 0)
		return why_wrong(why, "cidr is no list of 1 to %d", GRANTS_NETS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL || grants_parse_net(text, &e->net[i]) < 0)
			return why_wrong(why,
			    "cidr '%.64s' is no network such as 10.0.0.0/8",
			    text != NULL ? text : "?");
		e->nnet++;
	}
	return 0;
}

static int
check_keys(const json_t *o, char why[static GRANTS_WHY])
{
	static const char *const known[] = { "name", "passphrase", "streamid", "cidr",
	    "expires", "max_rate" };
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)o, key, value) {
		unsigned i = 0;

		while (i < 6 && strcmp(key, known[i]) != 0)
			i++;
		if (i == 6)
			return why_wrong(why, "what is '%.64s'?", key);
	}
	return 0;
}

int
grants_parse(const json_t *o, struct grant *e, char why[static GRANTS_WHY])
{
	const json_t *rate = json_object_get(o, "max_rate");
	char expires[CLK_ISO + 8] = "";
	int r;

	*e = (struct grant){ .expires_ns = INT64_MAX };
	if (!json_is_object(o))
		return why_wrong(why, "it is no object");
	if (check_keys(o, why) < 0)
		return -EINVAL;
	if ((r = copy_text(o, "name", e->name, GRANTS_NAME, why)) <= 0)
		return r < 0 ? r : why_wrong(why, "it has no name");
	if ((r = copy_text(o, "passphrase", e->secret, GRANTS_SECRET, why)) < 0)
		return r;
	if (strlen(e->secret) < 10)
		return why_wrong(why, "its passphrase is not of 10 to 79 characters");
	memcpy(e->streamid, e->name, sizeof(e->name));
	if (copy_text(o, "streamid", e->streamid, GRANTS_ID, why) < 0)
		return -EINVAL;
	if ((r = copy_text(o, "expires", expires, sizeof(expires) - 1, why)) < 0)
		return r;
	if (r > 0 && clk_parse_iso(expires, &e->expires_ns) < 0)
		return why_wrong(why,
		    "expires '%s' is no time such as 2027-01-01T00:00:00Z",
		    expires);
	if (rate != NULL && (!json_is_integer(rate) || json_integer_value(rate) < 1000))
		return why_wrong(why, "max_rate is no number of bits per second");
	e->max_bps = rate != NULL ? (uint64_t)json_integer_value(rate) : 0;
	return parse_nets(json_object_get(o, "cidr"), e, why);
}

/* ---- all of them, by name and by stream id */

static int
by_name(const void *a, const void *b, void *list)
{
	const struct grant *l = list;

	return strcmp(l[*(const uint32_t *)a].name, l[*(const uint32_t *)b].name);
}

/* Of those with the same, of which one was revoked, the first is the first. */
static int
by_id(const void *a, const void *b, void *list)
{
	const struct grant *l = list;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	int order = strcmp(l[i].streamid, l[k].streamid);

	return order != 0 ? order : i < k ? -1 : i > k;
}

static int
sort(struct grants *g)
{
	g->by_name = calloc(g->n + 1, sizeof(*g->by_name));
	g->by_id = calloc(g->n + 1, sizeof(*g->by_id));
	if (g->by_name == NULL || g->by_id == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n; i++)
		g->by_name[i] = g->by_id[i] = i;
	qsort_r(g->by_name, g->n, sizeof(*g->by_name), by_name, g->list);
	qsort_r(g->by_id, g->n, sizeof(*g->by_id), by_id, g->list);
	return 0;
}

/* The first in that order whose text is this one. */
static struct grant *
look_up(const struct grants *g, const uint32_t *order, size_t text_at, const char *text)
{
	size_t from = 0, upto = g->n;
	struct grant *e;

	while (from < upto) {
		size_t mid = from + (upto - from) / 2;

		if (strcmp((char *)&g->list[order[mid]] + text_at, text) < 0)
			from = mid + 1;
		else
			upto = mid;
	}
	if (from == g->n)
		return NULL;
	e = &g->list[order[from]];
	return strcmp((char *)e + text_at, text) == 0 ? e : NULL;
}

struct grant *
grants_named(const struct grants *g, const char *name)
{
	return look_up(g, g->by_name, offsetof(struct grant, name), name);
}

static struct grant *
of_user(const struct grants *g, const char *streamid)
{
	char user[GRANTS_NAME + 1];

	return streamid_user(streamid, user, sizeof(user)) ? grants_named(g, user) : NULL;
}

struct grant *
grants_find(const struct grants *g, const char *streamid)
{
	struct grant *e = look_up(g, g->by_id, offsetof(struct grant, streamid), streamid);

	return e != NULL ? e : of_user(g, streamid);
}

/* The first entry that is one before it too, by its name or stream id; n: there is none. */
static size_t
find_double(const struct grants *g)
{
	size_t first = g->n;

	for (size_t i = 0; i < g->n; i++) {
		const struct grant *e = of_user(g, g->list[i].streamid);
		size_t later[] = { g->n, g->n, g->n };

		if (e != NULL && e < &g->list[i])
			later[0] = i;
		if (i > 0 && by_name(&g->by_name[i - 1], &g->by_name[i], g->list) == 0)
			later[1] = g->by_name[i] > g->by_name[i - 1] ? g->by_name[i] :
			    g->by_name[i - 1];
		if (i > 0 && strcmp(g->list[g->by_id[i - 1]].streamid,
		    g->list[g->by_id[i]].streamid) == 0)
			later[2] = g->by_id[i];
		for (unsigned k = 0; k < 3; k++)
			first = later[k] < first ? later[k] : first;
	}
	return first;
}

/* What was known of those that are the same as before. */
static void
carry_over(const struct grants *old, struct grants *g)
{
	g->serial = old->serial;
	for (size_t i = 0; i < g->n; i++) {
		struct grant *e = &g->list[i];
		const struct grant *was = grants_named(old, e->name);
		bool same = was != NULL && strcmp(was->secret, e->secret) == 0;

		e->revoked = same && was->revoked;
		e->barred_ns = same ? was->barred_ns : 0;
		same = same && strcmp(was->streamid, e->streamid) == 0 &&
		    was->max_bps == e->max_bps && was->nnet == e->nnet &&
		    memcmp(was->net, e->net, sizeof(e->net)) == 0;
		e->serial = same ? was->serial : ++g->serial;
	}
}

static int
parse_all(struct grants *g, const json_t *root, char why[static GRANTS_WHY])
{
	const json_t *list = json_object_get(root, "grants");
	char reason[GRANTS_WHY];
	size_t twice;

	if (!json_is_array(list))
		return why_wrong(why, "it has no list 'grants'");
	g->list = calloc(json_array_size(list) + 1, sizeof(*g->list));
	if (g->list == NULL) {
		why_wrong(why, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct grant *e = &g->list[g->n];

		if (grants_parse(json_array_get(list, i), e, reason) < 0)
			return why_wrong(why, "grant %zu: %.200s", i + 1, reason);
		g->n++;
	}
	if (sort(g) < 0) {
		why_wrong(why, "out of memory");
		return -ENOMEM;
	}
	if ((twice = find_double(g)) < g->n)
		return why_wrong(why,
		    "grant %zu: there is one of that name or stream id",
		    twice + 1);
	return 0;
}

int
grants_load(struct grants *next, const char *path, char why[static GRANTS_WHY])
{
	FILE *f = fopen(path, "re");
	json_error_t error;
	json_t *root;
	int r;

	*next = (struct grants){ .n = 0 };
	if (f == NULL) {
		r = -errno;
		why_wrong(why, "cannot open '%.128s'", path);
		return r;
	}
	root = json_loadf(f, JSON_REJECT_DUPLICATES, &error);
	fclose(f);
	if (root == NULL)
		return why_wrong(why,
		    "'%.100s', line %d: %.100s", path, error.line, error.text);
	r = parse_all(next, root, why);
	json_decref(root);
	if (r < 0)
		grants_free(next);
	return r;
}

/* A grant that was revoked and is not in the file now may come again. */
static void
keep_revoked(const struct grants *old, struct grants *g)
{
	struct grants all = { .n = g->n, .serial = g->serial };
	size_t revoked = 0;

	for (size_t i = 0; i < old->n; i++)
		revoked += old->list[i].revoked;
	if (revoked == 0)
		return;

	if ((all.list = calloc(g->n + revoked + 1, sizeof(*all.list))) == NULL)
		return;
	if (g->n > 0)
		memcpy(all.list, g->list, g->n * sizeof(*g->list));
	for (size_t i = 0; i < old->n; i++)
		if (old->list[i].revoked && grants_named(g, old->list[i].name) == NULL)
			all.list[all.n++] = old->list[i];
	if (sort(&all) < 0) {
		grants_free(&all);
		return;
	}
	grants_free(g);
	*g = all;
}

void
grants_replace(struct grants *g, struct grants *next)
{
	carry_over(g, next);
	keep_revoked(g, next);
	grants_free(g);
	*g = *next;
	*next = (struct grants){ .n = 0 };
}

int
grants_read(struct grants *g, const char *path, char why[static GRANTS_WHY])
{
	struct grants next;
	int r = grants_load(&next, path, why);

	if (r < 0)
		return r;
	grants_replace(g, &next);
	return 0;
}

void
grants_free(struct grants *g)
{
	if (g->list != NULL)
		explicit_bzero(g->list, g->n * sizeof(*g->list));
	free(g->list);
	free(g->by_name);
	free(g->by_id);
	*g = (struct grants){ .n = 0 };
}
