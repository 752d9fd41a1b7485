/*
 * A file of grants, and behind a zero an address: what is understood is within its
 * limits and is found by its name; what is not leaves nothing behind.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/leg/grants.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check(const struct grants *g)
{
	const struct sockaddr_in peer = { .sin_family = AF_INET };

	for (size_t i = 0; i < g->n; i++) {
		const struct grant *e = &g->list[i];
		size_t secret = strlen(e->secret);

		must(*e->name != '\0' && *e->streamid != '\0');
		must(secret >= 10 && secret <= GRANTS_SECRET);
		must(e->nnet <= GRANTS_NETS);
		for (unsigned k = 0; k < e->nnet; k++)
			must(e->net[k].bits <= 128);
		must(e->max_bps == 0 || e->max_bps >= 1000);
		must(grants_named(g, e->name) == e);
		must(strcmp(grants_find(g, e->streamid)->streamid, e->streamid) == 0);
		if (e->nnet == 0)
			must(grants_from(e, (const struct sockaddr *)(const void *)&peer));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), why[GRANTS_WHY] = "";
	struct grants g = { .n = 0 }, next = { .n = 0 };
	struct grants_net net;
	json_t *root;
	size_t json;

	if (text == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	json = strlen(text);
	if (json < len && grants_parse_net(text + json + 1, &net) == 0)
		must(net.bits <= 128);
	root = json_loadb(text, json, JSON_REJECT_DUPLICATES, NULL);
	if (root != NULL && parse_all(&next, root, why) == 0) {
		check(&next);
		grants_replace(&g, &next);
		check(&g);
		must(next.n == 0 && parse_all(&next, root, why) == 0);
		if (g.n > 0)
			g.list[0].revoked = true;
		grants_replace(&g, &next);
		check(&g);
		must(g.n == 0 || g.list[0].revoked);
	} else if (root != NULL) {
		must(*why != '\0' && strlen(why) < sizeof(why));
		grants_free(&next);
	}
	grants_free(&g);
	json_decref(root);
	free(text);
	return 0;
}
