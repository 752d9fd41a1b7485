#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mask.h"
#include "lib/base/opt.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

static _Noreturn void
usage_error(const char *help)
{
	fprintf(stderr, "%.*s\n", (int)strcspn(help, "\n"), help);
	exit(EXIT_USAGE);
}

void
opt_common(int c, const char *help)
{
	switch (c) {
	case 'h':
		fputs(help, stdout);
		exit(EXIT_SUCCESS);
	case 'q':
		log_verbose(-1);
		break;
	case 'v':
		log_verbose(+1);
		break;
	case 'V':
		printf("%s %s\n", log_prog(), VERSION);
		exit(EXIT_SUCCESS);
	default:		/* getopt_long() has already said what is wrong */
		usage_error(help);
	}
}

void
opt_usage(const char *help, const char *fmt, ...)
{
	char text[LOG_TEXT], shown[LOG_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", log_prog(), mask_secrets(text, shown, sizeof(shown)));
	usage_error(help);
}

int
opt_scaled(const char *arg, const struct opt_unit *units, uint64_t *out)
{
	const char *s = arg;
	uint64_t value = 0, frac = 0, base = 1;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return -ERANGE;
	if (*s == '.') {
		if (*++s < '0' || *s > '9')
			return -EINVAL;
		for (; *s >= '0' && *s <= '9'; s++) {
			if (base > UINT64_C(1000000000))
				return -EINVAL;
			frac = frac * 10 + (uint64_t)(*s - '0');
			base *= 10;
		}
	}
	for (; units->suffix != NULL; units++) {
		uint64_t whole, part;

		if (strcmp(s, units->suffix) != 0)
			continue;
		if (__builtin_mul_overflow(value, units->scale, &whole) ||
		    __builtin_mul_overflow(frac, units->scale, &part))
			return -ERANGE;
		if (part % base != 0)
			return -EINVAL;
		if (__builtin_add_overflow(whole, part / base, &whole))
			return -ERANGE;
		*out = whole;
		return 0;
	}
	return -EINVAL;
}

static uint64_t
scaled_or_die(const char *name, const char *arg, const struct opt_unit *units,
    const char *shape)
{
	uint64_t v;

	int r = opt_scaled(arg, units, &v);

	if (r == 0 && v > INT64_MAX)	/* it may be counted in int64_t later */
		r = -ERANGE;
	switch (r) {
	case 0:
		return v;
	case -ERANGE:
		fatal(EXIT_USAGE, 0, "--%s '%s' is out of range", name, arg);
	default:
		fatal(EXIT_USAGE, 0, "--%s '%s' is not %s", name, arg, shape);
	}
}

const struct opt_unit opt_rates[] = {
	{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { NULL, 0 },
};

const struct opt_unit opt_durations[] = {
	{ "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	{ "m", UINT64_C(60000000000) }, { "min", UINT64_C(60000000000) },
	{ "h", UINT64_C(3600000000000) }, { NULL, 0 },
};

uint64_t
opt_rate(const char *name, const char *arg)
{
	return scaled_or_die(name, arg, opt_rates, "a bit rate such as 2500k");
}

uint64_t
opt_size(const char *name, const char *arg)
{
	static const struct opt_unit units[] = {
		{ "", 1 }, { "k", 1000 }, { "M", 1000000 },
		{ "G", 1000000000 }, { "Ki", 1 << 10 }, { "Mi", 1 << 20 },
		{ "Gi", 1 << 30 }, { NULL, 0 },
	};

	return scaled_or_die(name, arg, units, "a size such as 64Ki");
}

uint64_t
opt_duration(const char *name, const char *arg)
{
	return scaled_or_die(name, arg, opt_durations, "a duration such as 6s or 500ms");
}

uint64_t
opt_number(const char *name, const char *arg, uint64_t lo, uint64_t hi)
{
	static const struct opt_unit units[] = { { "", 1 }, { NULL, 0 } };
	uint64_t v = scaled_or_die(name, arg, units, "a number");

	if (v < lo || v > hi)
		fatal(EXIT_USAGE, 0, "--%s '%s' is not in %" PRIu64 "..%" PRIu64,
		    name, arg, lo, hi);
	return v;
}

char *
opt_token(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (f == NULL)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", path);
	n = getline(&line, &size, f);
	fclose(f);
	while (n > 0 && strchr("\r\n\t ", line[n - 1]) != NULL)
		line[--n] = '\0';
	if (n <= 0)
		fatal(EXIT_USAGE, 0, "there is no token in '%s'", path);
	return line;
}
