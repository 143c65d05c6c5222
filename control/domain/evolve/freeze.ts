/** What events about freeze windows mean. */
import type { Handlers } from '../evolve.ts'

export const freezeEvents: Handlers<'freeze-set' | 'freeze-lifted'> = {
  'freeze-set': (state, { name, intent }, { actor }) => ({
    ...state,
    freezes: new Map(state.freezes).set(name, { name, intent, setBy: actor }),
  }),
  'freeze-lifted': (state, { name }) => {
    const freezes = new Map(state.freezes)
    freezes.delete(name)
    return { ...state, freezes }
  },
}
