#include <stdio.h>
#include <string.h>

#include "ingest/failon.h"
#include "lib/base/clk.h"
#include "lib/base/opt.h"

void
failon_init(struct failon *f)
{
	*f = (struct failon){ .loss_ns = CLK_SECOND };
}

static int64_t
duration(const char *item, const char *value)
{
	int64_t ns = (int64_t)opt_duration("fail-on", value);

	if (ns < CLK_SECOND / 10)
		fatal(EXIT_USAGE, 0, "--fail-on '%s' is less than 100ms", item);
	return ns;
}

static void
parse_item(struct failon *f, const char *item)
{
	const char *equals = strchr(item, '=');
	size_t n = equals != NULL ? (size_t)(equals - item) : 0;

	if (n == strlen("loss") && strncmp(item, "loss", n) == 0)
		f->loss_ns = duration(item, equals + 1);
	else
		fatal(EXIT_USAGE, 0, "--fail-on '%s' is no condition", item);
}

void
failon_parse(struct failon *f, const char *list)
{
	char item[64];

	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");

		if (n >= sizeof(item))
			fatal(EXIT_USAGE, 0, "--fail-on '%s' is no condition", p);
		snprintf(item, sizeof(item), "%.*s", (int)n, p);
		parse_item(f, item);
		p += n;
		if (*p == '\0')
			return;
	}
}
