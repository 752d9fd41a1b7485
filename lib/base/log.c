#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"

enum level { FATAL, WARNING, INFO, DEBUG };

static const char *const level_name[] = { "fatal", "warning", "info", "debug" };
static const char *prog = "?";
static int verbosity = INFO;
static bool status_shown;

void
log_init(const char *name)
{
	prog = name;
}

const char *
log_prog(void)
{
	return prog;
}

void
log_verbose(int delta)
{
	verbosity += delta;
	if (verbosity < FATAL)
		verbosity = FATAL;
}

/* The whole line is one write(2), so that lines of two tools never mix. */
static void PRINTFLIKE(3, 0)
vlog(enum level level, int err, const char *fmt, va_list ap)
{
	char text[1024], line[1200];
	size_t len;

	if ((int)level > verbosity)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	snprintf(line, sizeof(line) - 1, "%s: %s: %s%s%s", prog, level_name[level],
	    text, err != 0 ? ": " : "", err != 0 ? strerror(err) : "");
	len = strlen(line);
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = '?';
	line[len++] = '\n';
	if (status_shown)
		dprintf(STDERR_FILENO, "\r\033[K");
	status_shown = false;
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* there is nowhere left to complain */
}

void
fatal(int status, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(FATAL, err, fmt, ap);
	va_end(ap);
	exit(status);
}

void
log_warn(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(WARNING, err, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(INFO, 0, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(DEBUG, 0, fmt, ap);
	va_end(ap);
}

void
log_status(const char *fmt, ...)
{
	static int64_t painted;		/* ns, CLOCK_MONOTONIC */
	struct timespec ts;
	char text[160];
	int64_t now;
	va_list ap;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (now - painted < 250000000)
		return;
	painted = now;
	if (verbosity < INFO || tcgetpgrp(STDERR_FILENO) != getpgrp())
		return;		/* tcgetpgrp fails unless stderr is our terminal */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	status_shown = true;
	dprintf(STDERR_FILENO, "\r\033[K%s: %s", prog, text);
}
