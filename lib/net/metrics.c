#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/net/metrics.h"

static void PRINTFLIKE(2, 3)
add(struct metrics *m, const char *fmt, ...)
{
	size_t room = m->size - m->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(m->buf + m->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		m->lost++;
	else
		m->len += (size_t)n;
}

void
metrics_about(struct metrics *m, const char *name, const char *type,
    const char *help)
{
	add(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *
open_brace(const char *labels)
{
	return *labels != '\0' ? "{" : "";
}

static const char *
close_brace(const char *labels)
{
	return *labels != '\0' ? "}" : "";
}

void
metrics_add(struct metrics *m, const char *name, const char *labels, uint64_t value)
{
	add(m, "%s%s%s%s %" PRIu64 "\n", name, open_brace(labels), labels,
	    close_brace(labels), value);
}

void
metrics_add_part(struct metrics *m, const char *name, const char *labels, uint64_t value,
    unsigned per)
{
	if (per <= 1)
		metrics_add(m, name, labels, value);
	else
		add(m, "%s%s%s%s %" PRIu64 ".%06u\n", name, open_brace(labels), labels,
		    close_brace(labels), value / per,
		    (unsigned)(value % per * 1000000 / per));
}

void
metrics_add_ns(struct metrics *m, const char *name, const char *labels, uint64_t ns)
{
	add(m, "%s%s%s%s %" PRIu64 ".%09u\n", name, open_brace(labels), labels,
	    close_brace(labels), ns / 1000000000, (unsigned)(ns % 1000000000));
}
