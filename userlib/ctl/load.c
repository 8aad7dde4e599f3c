// SPDX-License-Identifier: LGPL-2.1-or-later
/* mailboxctl load, mailboxctl unload: the module, through libkmod. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ctl.h"
#include "kmod.h"

#define MODULE	"mailbox_ipc"

static const struct kmod_library *lib;

/* What goes wrong is said once, by us. */
static void silent(void *data, int priority, const char *file, int line,
		   const char *function, const char *format, va_list arguments)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)function;
	(void)format;
	(void)arguments;
}

static struct kmod_ctx *kmod_start(void)
{
	struct kmod_ctx *kmod;

	lib = kmod_library();
	kmod = lib->kmod_new(NULL, NULL);
	if (!kmod)
		die_memory();
	lib->kmod_set_log_fn(kmod, silent, NULL);
	return kmod;
}

static bool loaded(struct kmod_ctx *kmod)
{
	struct kmod_module *module;
	int state;

	if (lib->kmod_module_new_from_name(kmod, MODULE, &module) < 0)
		die_memory();
	state = lib->kmod_module_get_initstate(module);
	lib->kmod_module_unref(module);
	return state >= 0;
}

/* --- load ------------------------------------------------------------------ */

struct load_arguments {
	const char *path;
	char **parameters;
	size_t parameter_count;
};

static error_t parse_load(int key, char *argument, struct argp_state *state)
{
	struct load_arguments *arguments = state->input;
	const char *equals;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;

	/* A path may hold an equals sign, but a parameter's name no slash. */
	equals = strchr(argument, '=');
	if (equals && equals != argument && !memchr(argument, '/', (size_t)(equals - argument))) {
		if (strpbrk(equals + 1, " \t\n\"'"))
			argp_failure(state, EX_USAGE, 0, "'%s': no parameter takes blanks or quotes", argument);
		arguments->parameters[arguments->parameter_count++] = argument;
		return 0;
	}
	if (arguments->path)
		argp_failure(state, EX_USAGE, 0, "'%s' is neither KEY=VALUE nor the first PATH", argument);
	arguments->path = argument;
	return 0;
}

/* The value behind "KEY=" or "KEY:" in the module's info, or NULL. */
static const char *module_info(const struct kmod_list *info, const char *key,
			       const char *begins)
{
	const struct kmod_list *item;

	for (item = info; item; item = lib->kmod_list_next(info, item)) {
		const char *value = lib->kmod_module_info_get_value(item);
		size_t length = strlen(begins);

		if (!strcmp(lib->kmod_module_info_get_key(item), key) &&
		    !strncmp(value, begins, length))
			return value + length;
	}
	return NULL;
}

/* What the kernel's parser of numbers takes: decimal, 0x hexadecimal, 0 octal. */
static bool is_number(const char *text)
{
	char *end;

	errno = 0;
	strtoull(text, &end, 0);
	return isdigit((unsigned char)text[0]) && !*end && !errno;
}

/*
 * The kernel loads a module also with parameters that it does not have; we do
 * not.  All of this module's are numbers.
 */
static void check_parameters(const struct load_arguments *arguments,
			     const struct kmod_list *info)
{
	size_t i;

	for (i = 0; i < arguments->parameter_count; i++) {
		const char *parameter = arguments->parameters[i];
		int length = (int)strcspn(parameter, "=");
		char begins[128];

		snprintf(begins, sizeof(begins), "%.*s:", length, parameter);
		if (!module_info(info, "parmtype", begins))
			die(EX_USAGE, "the module has no parameter '%.*s'; not loaded", length,
			    parameter);
		if (!is_number(parameter + length + 1))
			die(EX_USAGE, "%.*s: '%s' is not a number, or too large; not loaded",
			    length, parameter, parameter + length + 1);
	}
}

static char *join(const struct load_arguments *arguments)
{
	size_t length = 1;
	char *text;
	size_t i;

	for (i = 0; i < arguments->parameter_count; i++)
		length += strlen(arguments->parameters[i]) + 1;
	text = calloc(length, 1);
	if (!text)
		die_memory();
	for (i = 0; i < arguments->parameter_count; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, arguments->parameters[i]);
	}
	return text;
}

static struct kmod_module *find_module(struct kmod_ctx *kmod, const char *path)
{
	struct kmod_module *module = NULL;
	struct kmod_list *found = NULL;
	struct utsname kernel;
	int error;

	if (path) {
		if (access(path, R_OK))
			die(errno == EACCES ? EX_NOPERM : EX_NOINPUT, "%s: %s", path,
			    strerror(errno));
		error = lib->kmod_module_new_from_path(kmod, path, &module);
		if (error < 0)
			die(error == -EEXIST ? EX_CANTCREAT : EX_DATAERR, "%s: not a kernel module: %s",
			    path, strerror(-error));
		return module;
	}

	error = lib->kmod_module_new_from_lookup(kmod, MODULE, &found);
	if (error < 0 || !found) {
		uname(&kernel);
		die(EX_UNAVAILABLE,
		    "the module %s is not installed for the kernel %s; 'mailboxctl load PATH' takes it from elsewhere",
		    MODULE, kernel.release);
	}
	module = lib->kmod_module_get_module(found);
	lib->kmod_module_unref_list(found);
	return module;
}

static void __attribute__((noreturn)) refuse(int error, const char *path, const struct kmod_list *info)
{
	const char *what = path ? path : MODULE;
	const char *built;
	struct utsname kernel;
	int length;

	switch (-error) {
	case EPERM:
	case EACCES:
		die(EX_NOPERM, "%s: loading a module needs CAP_SYS_MODULE, and a kernel that is not locked down",
		    what);
	case EEXIST:
		die(EX_CANTCREAT, "%s: the module was loaded by someone else at this moment", what);
	case ENOEXEC:
		uname(&kernel);
		built = module_info(info, "vermagic", "");
		length = built ? (int)strcspn(built, " ") : 0;
		if (length && strncmp(built, kernel.release, (size_t)length + 1))
			die(EX_DATAERR, "%s: built for the kernel %.*s, and this is %s", what, length,
			    built, kernel.release);
		die(EX_DATAERR, "%s: the kernel does not take it as a module; dmesg says why", what);
	case ENOENT:
		die(EX_DATAERR, "%s: it needs symbols that this kernel does not have; dmesg says which",
		    what);
	case EKEYREJECTED:
	case ENOKEY:
		die(EX_NOPERM, "%s: this kernel takes signed modules only: %s", what,
		    strerror(-error));
	case EINVAL:
	case ERANGE:
		die(EX_USAGE, "%s: the module refuses a parameter's value; not loaded", what);
	default:
		die(EX_OSERR, "%s: %s", what, strerror(-error));
	}
}

int command_load(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_load,
		.args_doc = "[PATH] [KEY=VALUE...]",
		.doc = "Load the module from PATH, or the one that is installed for this kernel."
		       "\vParameters: message_max (bytes), user_bytes, user_messages, user_mailboxes, as "
		       "mailbox(4) says.",
	};
	struct load_arguments arguments = { 0 };
	struct kmod_list *info = NULL;
	struct kmod_module *module;
	struct kmod_ctx *kmod;
	char *parameters;
	int error;

	arguments.parameters = calloc((size_t)argc, sizeof(*arguments.parameters));
	if (!arguments.parameters)
		die_memory();
	parse_command(&argp, argc, argv, &arguments);

	kmod = kmod_start();
	module = find_module(kmod, arguments.path);
	if (arguments.path && strcmp(lib->kmod_module_get_name(module), MODULE))
		die(EX_USAGE, "%s: this is the module %s, not %s", arguments.path,
		    lib->kmod_module_get_name(module), MODULE);

	if (loaded(kmod)) {
		if (arguments.parameter_count)
			die(EX_CANTCREAT, "the module is loaded already, so the parameters were not set; "
			    "see /sys/module/" MODULE "/parameters");
		warning("the module is loaded already");
		goto out;
	}

	error = lib->kmod_module_get_info(module, &info);
	if (error < 0)
		die(EX_DATAERR, "%s: not a kernel module: %s",
		    arguments.path ? arguments.path : MODULE, strerror(-error));
	check_parameters(&arguments, info);

	parameters = join(&arguments);
	if (arguments.path)
		error = lib->kmod_module_insert_module(module, 0, parameters);
	else
		error = lib->kmod_module_probe_insert_module(module, KMOD_PROBE_FAIL_ON_LOADED,
							parameters, NULL, NULL, NULL);
	if (error)
		refuse(error < 0 ? error : -EPERM, arguments.path, info);
	free(parameters);
	lib->kmod_module_info_free_list(info);
out:
	lib->kmod_module_unref(module);
	lib->kmod_unref(kmod);
	free(arguments.parameters);
	return EX_OK;
}

/* --- unload ---------------------------------------------------------------- */

static error_t parse_unload(int key, char *argument, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	argp_failure(state, EX_USAGE, 0, "'%s' is too much", argument);
	return 0;
}

static void name_holder(const struct holder *holder, void *last)
{
	char *command;

	/* One line a process is enough; its descriptors come in a row. */
	if (holder->pid == *(pid_t *)last)
		return;
	*(pid_t *)last = holder->pid;
	command = escape(holder->command, NULL);
	fprintf(stderr, "  process %d (%s)\n", holder->pid, command);
	free(command);
}

/* Who to ask, or what to remove, before it goes. */
static int busy(void)
{
	struct mailbox_stat *entries = NULL;
	struct mailbox_error error;
	pid_t last = 0;
	size_t count = 0;
	size_t i;

	warning("the module is busy; it is held by:");
	if (!holders(true, name_holder, &last))
		fprintf(stderr, "  perhaps also processes that you may not look into\n");

	if (find_all(&entries, &count, &error))
		count = 0;
	for (i = 0; i < count; i++) {
		char *name;

		if (!(entries[i].flags & MAILBOX_CREATE_PERSIST))
			continue;
		name = escape(entries[i].name, NULL);
		fprintf(stderr, "  mailbox %s, which stays until 'mailboxctl rm'\n", name);
		free(name);
	}
	free(entries);
	return EX_TEMPFAIL;
}

int command_unload(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_unload,
		.doc = "Unload the module; if it is in use, say by whom.",
	};
	struct kmod_module *module;
	struct kmod_ctx *kmod;
	int status = EX_OK;
	int error;

	parse_command(&argp, argc, argv, NULL);

	kmod = kmod_start();
	if (!loaded(kmod))
		die(EX_UNAVAILABLE, "the module is not loaded");
	if (lib->kmod_module_new_from_name(kmod, MODULE, &module) < 0)
		die_memory();

	error = lib->kmod_module_remove_module(module, 0);
	switch (-error) {
	case 0:
		break;
	case EAGAIN:
	case EBUSY:
		status = busy();
		break;
	case EPERM:
		die(EX_NOPERM, "unloading a module needs CAP_SYS_MODULE");
	case ENOENT:
		die(EX_UNAVAILABLE, "the module was unloaded by someone else at this moment");
	default:
		die(EX_OSERR, "cannot unload the module: %s", strerror(-error));
	}

	lib->kmod_module_unref(module);
	lib->kmod_unref(kmod);
	return status;
}
