/*
 * menu: the list of shipped lectures, to choose one and start it.
 */
#ifndef UI_MENU_H
#define UI_MENU_H

/* Returns an exit code. */
int menu_run(void);

#endif
