/*
 * opt.h - command-line conventions shared by every tool.
 *
 * Units    A rate is in bits per second, a size in bytes, a duration in ns.
 *          Rates take k M G (powers of 1000); sizes take k M G and Ki Mi Gi;
 *          durations need one of us ms s min h.  "2500k", "1.5M", "6s", "3.84s".
 * Errors   A bad value is a usage error: one line on stderr, then EXIT_USAGE.
 */
#ifndef OPT_H
#define OPT_H

#include <getopt.h>
#include <stdint.h>

#include "lib/base/log.h"

/* Options that every tool has: for getopt_long(3), and for the help text. */
#define OPT_COMMON	"hqvV"
#define OPT_COMMON_LONG							\
	{ "help", no_argument, NULL, 'h' },				\
	{ "quiet", no_argument, NULL, 'q' },				\
	{ "verbose", no_argument, NULL, 'v' },				\
	{ "version", no_argument, NULL, 'V' },				\
	{ NULL, 0, NULL, 0 }
#define OPT_COMMON_HELP							\
	"  -h, --help               print this and exit\n"		\
	"  -q, --quiet              say less; twice, errors only\n"	\
	"  -v, --verbose            say more\n"				\
	"  -V, --version            print the version and exit\n"

/*
 * Act on a common option; anything else that getopt_long() returned is a usage
 * error.  The help text is "usage: tool ...\n", then a line for each option;
 * --help prints all of it on stdout, an error only its first line on stderr.
 */
void opt_common(int c, const char *help);
_Noreturn void opt_usage(const char *help, const char *fmt, ...)
    PRINTFLIKE(2, 3);

uint64_t opt_rate(const char *name, const char *arg);
uint64_t opt_size(const char *name, const char *arg);
uint64_t opt_duration(const char *name, const char *arg);
uint64_t opt_number(const char *name, const char *arg, uint64_t lo, uint64_t hi);

/*
 * The first line of a file that holds a secret, which is the caller's.  Without one
 * the program ends: EXIT_RUNTIME no such file, EXIT_USAGE nothing in it.
 */
char *opt_token(const char *path);

/* One scale for opt_scaled(): { "", 1 } allows a bare number. */
struct opt_unit {
	const char *suffix;
	uint64_t scale;
};

/*
 * Read digits[.digits]suffix, exactly, without floating point.
 * Returns 0, or -EINVAL (syntax, unknown suffix, more precision than the unit
 * has) or -ERANGE (does not fit).  *out is set only on 0.
 */
int opt_scaled(const char *arg, const struct opt_unit *units, uint64_t *out);

extern const struct opt_unit opt_rates[];	/* of opt_rate(), */
extern const struct opt_unit opt_durations[];	/* of opt_duration() */

#endif
