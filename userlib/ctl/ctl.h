/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands of mailboxctl share. */
#ifndef _CTL_H
#define _CTL_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sysexits.h>
#include <time.h>

#include <mailbox.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* Option keys without a letter. */
enum {
	KEY_FIRST = 0x100,
	KEY_ALL, KEY_FIXED, KEY_FROM, KEY_GROUP, KEY_INTERVAL, KEY_JSON,
	KEY_NAMES, KEY_OWNER, KEY_PEEK, KEY_SLOW, KEY_TAG_MAX, KEY_TAG_NOT,
	KEY_UNNAMED,
};

/* --- mailboxctl.c: the commands, each given its own argv --------------- */

int command_create(int argc, char **argv);
int command_info(int argc, char **argv);
int command_list(int argc, char **argv);
int command_load(int argc, char **argv);
int command_recv(int argc, char **argv);
int command_rm(int argc, char **argv);
int command_send(int argc, char **argv);
int command_set(int argc, char **argv);
int command_stat(int argc, char **argv);
int command_unload(int argc, char **argv);
int command_watch(int argc, char **argv);

/* "mailboxctl send": what errors and help begin with. */
extern char command_name[];

/* --- error.c: one line on stderr, and the exit status ------------------ */

void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));
void __attribute__((noreturn)) die_memory(void);

/*
 * Says why a call of the library failed on what is named @name (NULL: the
 * device), and returns the exit status for it.
 */
int failure(const char *name, const struct mailbox_error *error,
	    unsigned long command);

/* Ends with an error if @stat, of the mailbox @name, is one that has no messages. */
void no_segment(const char *name, const struct mailbox_stat *stat);

/* --- text.c ------------------------------------------------------------- */

#define TIME_TEXT	40
#define NUMBER_TEXT	24
#define MODE_TEXT	8
#define OWNER_TEXT	33

bool parse_u64(const char *text, uint64_t max, uint64_t *value);
bool parse_size(const char *text, uint64_t max, uint64_t *value);
bool parse_capacity(const char *text, uint64_t *value);
bool parse_mode(const char *text, uint32_t *mode);
bool parse_seconds(const char *text, int64_t *ns);
bool parse_policy(const char *text, uint32_t *policy);
bool parse_slow(const char *text, uint32_t *slow);

const char *time_text(uint64_t realtime_ns, char *text);
const char *monotonic_text(uint64_t monotonic_ns, char *text);
const char *mode_text(uint32_t mode, char *text);
const char *capacity_text(uint64_t capacity, char *text);
const char *policy_text(uint32_t policy);
const char *slow_text(uint32_t slow);
const char *user_text(uint32_t uid, char *text);
const char *group_text(uint32_t gid, char *text);

int64_t clock_ns(clockid_t clock);

/* A name that can go to a terminal, to be freed, and the columns it takes. */
char *escape(const char *name, int *columns);
/* The same in any locale: only ASCII stays. */
char *escape_bytes(const char *name);
bool is_utf8(const char *text);

/* --- options.c: what send and recv both take ---------------------------- */

struct waiting {
	bool nonblock;
	bool timed;
	int64_t timeout;
};

/* The options of every command that takes one NAME. */
#define WAITING_OPTIONS \
	{ "timeout", 't', "SECONDS", 0, \
	  "Wait at most this long, for each message; 0.5 is half a second", 0 }, \
	{ "nonblock", 'n', NULL, 0, "Do not wait at all", 0 }

error_t waiting_option(int key, char *argument, struct argp_state *state,
		       struct waiting *waiting);
/* What goes into a message's .flags and .deadline. */
uint32_t waiting_flags(const struct waiting *waiting);
int64_t waiting_deadline(const struct waiting *waiting);

/* The one argument NAME, for a parser's ARGP_KEY_ARG and _END. */
error_t name_argument(int key, char *argument, struct argp_state *state,
		      const char **name);
uint64_t number_argument(const char *argument, const char *option,
			 uint64_t max, struct argp_state *state);
void parse_command(const struct argp *argp, int argc, char **argv, void *input);

/* --- find.c: mailboxes, without a handle on them ------------------------ */

/* 0 or a negative errno, as OPEN would refuse the name. */
int find(const char *name, struct mailbox_stat *stat,
	 struct mailbox_error *error);

/* All of them, in an array to be freed. */
int find_all(struct mailbox_stat **entries, size_t *count,
	     struct mailbox_error *error);

/* --- json.c -------------------------------------------------------------- */

struct json_object;

struct json_object *json_new(void);
struct json_object *json_array(void);
struct json_object *json_stat(const struct mailbox_stat *stat);
void json_append(struct json_object *array, struct json_object *value);
void json_add(struct json_object *object, const char *key,
	      struct json_object *value);
void json_u64(struct json_object *object, const char *key, uint64_t value);
void json_double(struct json_object *object, const char *key, double value);
void json_text(struct json_object *object, const char *key, const char *text);
void json_flag(struct json_object *object, const char *key, bool flag);
void json_name(struct json_object *object, const char *key, const char *name);
void json_time(struct json_object *object, const char *key, uint64_t realtime_ns);
/* Prints and frees it. */
void json_print(struct json_object *object, bool pretty);

/* --- holders.c ----------------------------------------------------------- */

struct holder {
	uint64_t id;		/* of the mailbox; 0 for the device, or a ring */
	pid_t pid;
	uint32_t uid;
	int fd;			/* -1: a ring that is mapped, and has no other */
	char rights[8];
	char policy[16];
	char depth[NUMBER_TEXT];
	char capacity[NUMBER_TEXT];
	char command[64];
	bool named;
};

typedef void holder_fn(const struct holder *holder, void *argument);

/*
 * Calls @each for each descriptor of a process, but this one, that holds a
 * mailbox or the device; and with @mapped for each process that has a ring mapped
 * and no such descriptor, for which all of its mappings are read.  Returns false if
 * there are processes that the caller may not look into.
 */
bool holders(bool mapped, holder_fn *each, void *argument);

/* --- stop.c --------------------------------------------------------------- */

/*
 * From here on SIGINT, SIGTERM, SIGHUP, and with @output the end of stdout's
 * reader, make waiting calls end with EINTR.
 */
void stop_start(bool output);
/* The signal that came, SIGPIPE for the end of stdout's reader, or 0. */
int stop_wanted(void);
/* End as that signal would have ended us. */
void __attribute__((noreturn)) stop_now(void);

/* --- output.c -------------------------------------------------------------- */

/* All of it to stdout, or false with errno. */
bool write_all(const void *data, size_t length);

#endif /* _CTL_H */
