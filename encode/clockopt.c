#include <string.h>

#include "encode/clockopt.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"

void
clock_option(const char *arg, bool *arrival, bool *recording)
{
	*arrival = strcmp(arg, "arrival") == 0;
	*recording = strcmp(arg, "none") == 0;
	if (!*arrival && !*recording && strcmp(arg, "auto") != 0)
		fatal(EXIT_USAGE, 0, "--clock '%s' is not auto, arrival or none", arg);
}
