/** A likely label error: a label that is more probably wrong than right. */
export const isLikelyError = ({ wrong }: { readonly wrong: number }): boolean => wrong > 0.5;
