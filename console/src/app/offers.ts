/** What the open page adds to the palette. */

export interface Offer {
  key: string;
  title: string;
  note: string;
  phase?: number;
  go: () => void;
}

let source: ((wanted: string) => Offer[]) | null = null;

export const palette = {
  offers: (wanted: string): Offer[] => source?.(wanted) ?? [],
  /** Offer something until the returned function is called. */
  provide(offers: (wanted: string) => Offer[]): () => void {
    source = offers;
    return () => {
      if (source === offers) source = null;
    };
  },
};
