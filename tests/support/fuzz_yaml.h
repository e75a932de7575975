/*
 * fuzz_yaml: what targets that read YAML tell the leak checker.
 *
 * libfyaml 0.7 loses a list of a kilobyte when it formats a scalar of many escapes: twelve single quotes are enough. It is
 * bounded by the file's length, and a submission is read in a process of its own, so it is left alone. Parsers and events
 * that we ourselves forgot would be found by the unit tests of the scenario reader, which run without this.
 */
#ifndef TESTS_SUPPORT_FUZZ_YAML_H
#define TESTS_SUPPORT_FUZZ_YAML_H

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so\n";
}

#endif
